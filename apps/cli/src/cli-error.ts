import { FaultError } from '@lockstep/tensor'

/** What the process ends with; README.md lists them. */
export const EXIT = {
  ok: 0,
  /** Two computations that should be equal are not, a dispute was lost, or a job has ended without its result. */
  difference: 1,
  /** Something that the user handed in: arguments, manifest, files. */
  input: 2,
  /** Something around the program: disk, port, chain, permissions. */
  environment: 3,
  /** None of the above: a bug in Lockstep. */
  bug: 4,
} as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Every error that a command ends with on purpose: what, its value, what is allowed, and what to do about it. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exit: ExitCode
  readonly code: string
  readonly field: string
  readonly value: string
  readonly limit: string
  readonly remedy: string

  constructor(
    exit: ExitCode,
    code: string,
    what: { field: string; value: unknown; limit: unknown; remedy: string },
  ) {
    const value = short(what.value)
    super(`${what.field} is ${value}; allowed: ${what.limit}. ${what.remedy} [${code}]`)
    this.exit = exit
    this.code = code
    this.field = what.field
    this.value = value
    this.limit = String(what.limit)
    this.remedy = what.remedy
  }

  toJSON(): object {
    const { exit, code, field, value, limit, remedy } = this
    return { error: { code, field, value, limit, remedy, exit } }
  }
}

export const badInput = (
  code: string,
  field: string,
  value: unknown,
  limit: unknown,
  remedy: string,
): CliError => new CliError(EXIT.input, code, { field, value, limit, remedy })

export const badEnvironment = (
  code: string,
  field: string,
  value: unknown,
  limit: unknown,
  remedy: string,
): CliError => new CliError(EXIT.environment, code, { field, value, limit, remedy })

/** Values may come from a stranger's file: what is shown of one is one short line without control characters. */
const short = (value: unknown): string => {
  const isPlain = typeof value === 'string' || typeof value === 'number'
  const text = (isPlain ? String(value) : (JSON.stringify(value) ?? String(value))).slice(0, 200)
  const shown = text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ')
  return shown === '' ? 'empty' : shown
}

/** The libraries' errors, each of which already says field, value, limit and remedy, and the system's, as CliErrors. */
export const asCliError = (error: unknown, about = 'file'): CliError | undefined => {
  if (error instanceof CliError) return error
  if (error instanceof FaultError)
    return new CliError(exitOf(error.fault.code), error.fault.code, error.fault)
  if (!(error instanceof Error)) return undefined
  if (isExplained(error)) return new CliError(exitOf(error.code), error.code, error)
  const chain = fromChain(error)
  if (chain) return chain
  return fromSystem(error, about)
}

/** Faults about what is around the program, not about what was handed in. */
const ENVIRONMENT = new Set([
  'address-unreachable',
  'blob-unavailable',
  'chain-unreachable',
  'insufficient-funds',
  'no-peers',
  'node-locked',
  'node-unreachable',
  'offer-refused',
  'peer-unreachable',
  'result-unavailable',
  'too-few-tokens',
  'unfunded',
])
const exitOf = (code: string): ExitCode => (ENVIRONMENT.has(code) ? EXIT.environment : EXIT.input)

/** What is said by the libraries of the chain, whose errors go on for pages, and of the store. */
const fromChain = (error: Error): CliError | undefined => {
  const names: string[] = []
  for (let at: unknown = error; at instanceof Error && names.length < 8; at = at.cause) names.push(at.name)
  const { code, message } = error as Error & { code?: string }
  if (error.name === 'ChainError' || error.name === 'LocalChainError')
    return new CliError(code === 'wrong-chain' ? EXIT.input : EXIT.environment, code ?? 'chain', {
      field: 'the chain',
      value: message,
      limit: 'the chain that is meant, with the market on it',
      remedy: 'Check the network file, and that its chain runs: `lockstep status` looks at it.',
    })
  if (error.name === 'StoreError' && code !== 'store-misused')
    return badEnvironment(
      code ?? 'store',
      "the node's store",
      message,
      'a store of this node on this chain, which nobody else has open',
      'Do what it says; where the chain has begun anew, give the node another --name.',
    )
  if (!names.some((name) => UNREACHABLE.has(name))) return undefined
  const { shortMessage, url } = error as Error & { shortMessage?: string; url?: string }
  return badEnvironment(
    'chain-unreachable',
    'the chain',
    `${url ?? 'out of reach'}: ${shortMessage ?? message.split('\n')[0]}`,
    'a chain that answers',
    'Start the network with `lockstep up`, or check its address.',
  )
}
const UNREACHABLE = new Set(['HttpRequestError', 'TimeoutError', 'SocketClosedError'])

/** What a decoder says of a file's content, with the file's name and what to do about it. */
export const from = <T>(path: string, remedy: string, decode: () => T): T => {
  try {
    return decode()
  } catch (error) {
    const { field, value, limit } = asCliError(error) ?? {}
    if (field === undefined) throw error
    throw badInput('file-damaged', `${field} of ${path}`, value, limit, remedy)
  }
}

type Explained = Error & { code: string; field: string; value: string; limit: string; remedy: string }
const isExplained = (error: Error): error is Explained =>
  ['code', 'field', 'value', 'limit', 'remedy'].every((key) => key in error)

const SYSTEM: { readonly [code: string]: readonly [exit: ExitCode, limit: string, remedy: string] } = {
  ENOENT: [EXIT.input, 'an existing path', 'Check the spelling and the working directory.'],
  ENOTDIR: [EXIT.input, 'a directory', 'Check the path.'],
  EISDIR: [EXIT.input, 'a file', 'Check the path.'],
  EACCES: [EXIT.environment, 'a path that you may use', 'Change its permissions or choose another.'],
  EPERM: [EXIT.environment, 'a path that you may use', 'Change its permissions or choose another.'],
  EROFS: [EXIT.environment, 'a writable disk', 'Choose another directory with --out.'],
  ENOSPC: [
    EXIT.environment,
    'a disk with room',
    'Free some space and run the same command again: it goes on from the last checkpoint.',
  ],
  EDQUOT: [
    EXIT.environment,
    'within your quota',
    'Free some space and run the same command again: it goes on from the last checkpoint.',
  ],
  EFBIG: [
    EXIT.environment,
    'within the file size limit',
    'Raise the limit (ulimit -f) and run the same command again: it goes on from the last checkpoint.',
  ],
  EIO: [EXIT.environment, 'a disk that works', 'Check the disk, then run the same command again.'],
  EMFILE: [EXIT.environment, 'within the limit of open files', 'Raise the limit (ulimit -n).'],
  EADDRINUSE: [EXIT.environment, 'a free port', 'Stop its owner or choose another with --port.'],
}

const fromSystem = (error: Error, about: string): CliError | undefined => {
  const { code, path } = error as NodeJS.ErrnoException
  const known = code === undefined ? undefined : SYSTEM[code]
  if (code === undefined || known === undefined) return undefined
  const [exit, limit, remedy] = known
  return new CliError(exit, code, { field: path || about, value: SAID[code] ?? code, limit, remedy })
}

const SAID: { readonly [code: string]: string } = {
  ENOENT: 'missing',
  ENOTDIR: 'no directory',
  EISDIR: 'a directory',
  EACCES: 'not permitted',
  EPERM: 'not permitted',
  EROFS: 'read-only',
  ENOSPC: 'on a full disk',
  EDQUOT: 'over the quota',
  EFBIG: 'too large a file',
  EIO: 'unreadable',
  EMFILE: 'one file too many',
  EADDRINUSE: 'in use',
}
