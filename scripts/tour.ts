import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'

const root = dirname(import.meta.dirname)
export const CLI = 'apps/cli/bin/lockstep.mjs'

export type LaunchOptions = {
  /** Its output is read here instead of shown. */
  readonly quiet?: boolean
}
export type Launched = {
  readonly child: ChildProcess
  readonly ended: Promise<number>
  /** Resolves when the output matches; rejects when it ends before. Only of a quiet process. */
  readonly said: (pattern: RegExp) => Promise<RegExpExecArray>
  /** All that a quiet process has printed on stdout. */
  readonly stdout: () => string
}

/** What a tour tells its story with: every command that it runs is one that a person can type, and is shown. */
export type Tour = {
  readonly tell: (line?: string) => void
  readonly chapter: (title: string) => void
  readonly show: (args: readonly string[]) => void
  readonly launch: (file: string, args: readonly string[], options?: LaunchOptions) => Launched
  /** Runs a command to its end; another exit code than the one expected ends the tour. */
  readonly lockstep: (args: readonly string[], expected?: number) => Promise<void>
  /** The same, whose one JSON object is wanted; not shown. */
  readonly ask: <T>(args: readonly string[]) => Promise<T>
  /** Ends what this tour has started and is still running, last things first, and waits until it has ended. */
  readonly cleanUp: () => Promise<void>
}

export const createTour = ({ json }: { readonly json: boolean }): Tour => {
  /** Processes of this tour that have not ended yet: nothing else is ever stopped. */
  const living = new Set<ChildProcess>()
  const tell = (line = ''): void => void (json ? process.stderr : process.stdout).write(`${line}\n`)

  const launch: Tour['launch'] = (file, args, { quiet = false } = {}) => {
    const out = quiet ? 'pipe' : json ? 2 : 'inherit'
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', join(root, file), ...args],
      { cwd: root, stdio: ['ignore', out, quiet ? 'pipe' : 'inherit'] },
    )
    living.add(child)
    let [output, stdout] = ['', '']
    const listeners = new Set<() => void>()
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-KEPT)
        if (stream === child.stdout) stdout = (stdout + text).slice(-KEPT)
        for (const listener of listeners) listener()
      })
    }
    const ended = new Promise<number>((resolve) =>
      child.once('close', (code) => {
        living.delete(child)
        resolve(code ?? 1)
      }),
    )
    const said = (pattern: RegExp) =>
      new Promise<RegExpExecArray>((resolve, reject) => {
        const look = () => {
          const found = pattern.exec(output)
          if (found) resolve(found)
        }
        listeners.add(look)
        look()
        void ended.then((code) => {
          look()
          reject(new Error(`${file} ended with code ${code} before it said ${pattern}:\n${output.trim()}`))
        })
      })
    return { child, ended, said, stdout: () => stdout }
  }

  const show = (args: readonly string[]): void =>
    tell(`\n$ npx lockstep ${args.map((arg) => (/[\s"{]/.test(arg) ? `'${arg}'` : arg)).join(' ')}`)

  return {
    ...{ tell, launch, show },
    chapter: (title) => tell(`\n== ${title} ${'='.repeat(Math.max(0, 90 - title.length))}`),
    lockstep: async (args, expected = 0) => {
      show(args)
      const code = await launch(CLI, args).ended
      if (code !== expected)
        throw new Error(`lockstep ${args[0]} ended with code ${code} instead of ${expected}`)
    },
    ask: async <T>(args: readonly string[]) => {
      const asked = launch(CLI, [...args, '--json'], { quiet: true })
      const code = await asked.ended
      if (code !== 0) throw new Error(`lockstep ${args.join(' ')} ended with code ${code}: ${asked.stdout()}`)
      return JSON.parse(asked.stdout()) as T
    },
    cleanUp: async () => {
      for (const child of [...living].reverse()) {
        const ended = new Promise((resolve) => child.once('close', resolve))
        child.kill('SIGTERM')
        await ended
      }
    },
  }
}

/** Characters of a process's output that are kept to look for something in. */
const KEPT = 2 ** 20

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })

/** Ends the process with a line that says what is wrong with an option. */
export const refuse = (message: string): never => {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}

/** An option that is an integer between bounds. */
export const integerOption = (field: string, text: string, least: number, most: number): number => {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= least && value <= most) return value
  return refuse(`--${field} is ${text}; allowed: an integer from ${least} to ${most}.`)
}
