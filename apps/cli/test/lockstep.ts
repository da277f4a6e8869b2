import { spawn } from 'node:child_process'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Machine } from '../../../packages/network/test/machines.ts'
import { run } from '../src/cli.ts'

const root = join(import.meta.dirname, '..', '..', '..')
export const main = join(root, 'apps', 'cli', 'src', 'main.ts')

export type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string }
export type Started = {
  readonly kill: (signal: NodeJS.Signals) => void
  /** Closes this end of its stdout and stderr. */
  readonly unread: () => void
  /** What stdout has had so far. */
  readonly output: () => string
  /** Fulfilled when stdout has this text, or the process has ended. */
  readonly said: (text: string) => Promise<void>
  readonly ended: Promise<Ended>
}

/** Starts `lockstep` as a process of its own, as a user would. */
export const start = (directory: string, ...args: readonly string[]): Started =>
  startFile(directory, main, ...args)

/** Starts a TypeScript file as a process of its own. */
export const startFile = (directory: string, file: string, ...args: readonly string[]): Started =>
  startCommand(directory, process.execPath, ['--disable-warning=ExperimentalWarning', file, ...args])

/** Starts `lockstep` on another machine. */
export const startOn = (
  { command }: Pick<Machine, 'command'>,
  directory: string,
  ...args: readonly string[]
): Started =>
  startCommand(
    directory,
    ...command(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args]),
  )

const startCommand = (directory: string, command: string, args: readonly string[]): Started => {
  const child = spawn(command, args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  const listeners = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
    for (const listener of listeners) listener()
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (code) => resolve({ code, stdout, stderr })),
  )
  const said = (text: string) =>
    new Promise<void>((resolve) => {
      const look = () => stdout.includes(text) && resolve()
      listeners.add(look)
      look()
      void ended.then(() => resolve())
    })
  const unread = () => {
    child.stdout.destroy()
    child.stderr.destroy()
  }
  return { kill: (signal) => void child.kill(signal), unread, output: () => stdout, said, ended }
}

/** Runs `lockstep` to its end. */
export const lockstep = (directory: string, ...args: readonly string[]): Promise<Ended> =>
  start(directory, ...args).ended

/** The same inside this process, in its working directory: quick, for what needs no process of its own. */
export const inProcess = async (...args: readonly string[]): Promise<Ended> => {
  let [stdout, stderr] = ['', '']
  const code = await run(args, {
    stdout: {
      write: (text) => {
        stdout += text
      },
    },
    stderr: {
      write: (text) => {
        stderr += text
      },
    },
  })
  return { code, stdout, stderr }
}

/** The JSON object that a command printed last. */
export const jsonOf = ({ stdout }: Ended) => JSON.parse(stdout.trim().split('\n').at(-1)!)

/** A directory with a page of text and a manifest of a model that trains in a second. */
export const workplace = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-cli-'))
  const book = await readFile(join(root, 'data', 'moby-dick.txt'))
  await writeFile(join(directory, 'page.txt'), book.subarray(30_000, 40_000))
  await writeFile(join(directory, 'tiny.yaml'), tiny())
  return directory
}

export const tiny = (name = 'tiny', change: (text: string) => string = (text) => text): string =>
  change(`name: ${name}
data: { text: page.txt }
model: { layers: 1, width: 16, heads: 2, context: 16 }
training: { batch: 4, steps: 12, warmup: 2 }
segments: { every: 4 }
`)
