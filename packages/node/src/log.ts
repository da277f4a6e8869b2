import { type Logger, pino } from 'pino'
import { RotatingFile } from './rotating-file.ts'

export type LogOptions = {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** Of the terminal; files are always JSON. */
  readonly format: 'line' | 'json'
  readonly terminal?: { write(text: string): unknown } | undefined
  /** A file, turned over at `size` bytes, of which `files` old ones are kept. */
  readonly file?: { readonly path: string; readonly size: number; readonly files: number } | undefined
  /** In every line. */
  readonly fields?: { readonly [name: string]: string }
}

export type Log = Logger & {
  /** From here on this text is left out of every line, whoever logs it: passphrases, tokens, a database's password. */
  conceal(secret: string): void
  close(): void
}

/** Fields that hold secrets by their names, wherever they are. */
const SECRET_NAME =
  /^(pass(phrase|word|wd)?|secret|private_?key|mnemonic|(recovery_?)?phrase|(http_?|access_?|api_?)?token|authorization|cookie|seed_?phrase|salt)$/i
/** Shorter ones would take ordinary words out of the log. */
const LEAST_SECRET = 6
const CREDENTIALS = /([a-z][a-z0-9+.-]*:\/\/)[^\s/@:]*:[^\s/@]*@/gi

/** What strangers say may end in a line: bounds on it. */
const MOST_DEPTH = 6
const MOST_ENTRIES = 64
const MOST_TEXT = 4096
const MOST_STACK = 8192

/**
 * Structured logs: one JSON object a line in a file, and the same or a readable line on the terminal. A log never throws:
 * where its disk is full the file misses lines, and the terminal is told once.
 */
export const createLog = (options: LogOptions): Log => {
  const { level, format, terminal, fields = {} } = options
  const secrets = new Set<string>()
  const file = options.file && new RotatingFile(options.file.path, options.file.size, options.file.files)
  let fileBroken = false

  const write = (line: string): void => {
    const clean = withoutSecrets(line, secrets)
    terminal?.write(format === 'json' ? clean : readable(clean))
    try {
      file?.write(clean)
      fileBroken = false
    } catch (error) {
      if (!fileBroken)
        terminal?.write(`the log file misses lines: ${(error as NodeJS.ErrnoException).code ?? error}\n`)
      fileBroken = true
    }
  }
  const logger = pino(
    {
      level,
      base: { ...fields, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: (error) => error }, // errors are bounded with everything else
      formatters: {
        level: (label) => ({ level: label }),
        log: (object) => bounded(object, MOST_DEPTH) as Record<string, unknown>,
      },
    },
    { write },
  )
  return Object.assign(logger, {
    conceal: (secret: string) => {
      if (secret.length >= LEAST_SECRET) secrets.add(JSON.stringify(secret).slice(1, -1))
    },
    close: () => file?.close(),
  })
}

const withoutSecrets = (line: string, secrets: ReadonlySet<string>): string => {
  let clean = line.replaceAll(CREDENTIALS, '$1[secret]@')
  for (const secret of secrets) clean = clean.replaceAll(secret, '[secret]')
  return clean
}

/** A copy within bounds, without what is secret by its name, with bigints as texts. */
const bounded = (value: unknown, depth: number): unknown => {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'string')
    return value.length <= MOST_TEXT ? value : `${value.slice(0, MOST_TEXT)}... (${value.length} characters)`
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Error) return errorOf(value, depth)
  if (depth === 0) return '[deep]'
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if ('toJSON' in value && typeof value.toJSON === 'function') return bounded(value.toJSON(), depth - 1)
  if (value instanceof Map || value instanceof Set) return bounded([...value], depth)
  if (Array.isArray(value)) {
    const shown = value.slice(0, MOST_ENTRIES).map((one) => bounded(one, depth - 1))
    return value.length <= MOST_ENTRIES ? shown : [...shown, `... (${value.length} entries)`]
  }
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MOST_ENTRIES)
      .map(([name, inner]) => [name, SECRET_NAME.test(name) ? '[secret]' : bounded(inner, depth - 1)]),
  )
}

const errorOf = (error: Error, depth: number): object => ({
  type: error.name,
  message: bounded(error.message, 1),
  stack: error.stack?.slice(0, MOST_STACK),
  ...('code' in error ? { code: bounded(error.code, 1) } : {}),
  ...(error.cause instanceof Error && depth > 1 ? { cause: errorOf(error.cause, depth - 1) } : {}),
})

/** `12:03:04.567 info  provider: bid job=3 price=120`, from a line of JSON. Control characters stay escaped. */
const readable = (line: string): string => {
  const { time, level, msg, pid: _, name: __, part, err, ...rest } = JSON.parse(line)
  const clock = String(time).slice(11, 23)
  const words = Object.entries(rest).map(([field, value]) => `${field}=${plain(value)}`)
  const trouble = err === undefined ? [] : [`${err.type}: ${plain(err.message)}`]
  const who = part === undefined ? '' : `${plain(part)}: `
  return `${[`${clock} ${String(level).padEnd(5)} ${who}${msg === undefined ? '' : escaped(String(msg))}`, ...words, ...trouble].join(' ')}\n`
}

const plain = (value: unknown): string => {
  if (typeof value === 'string')
    return /^[\w./:@+-]{1,200}$/.test(value) ? value : escaped(JSON.stringify(value))
  return escaped(JSON.stringify(value) ?? String(value))
}

/** JSON leaves some characters as they are with which a stranger's text could draw on a terminal. */
const escaped = (text: string): string =>
  text.replaceAll(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (c) => `\\u${c.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  )
