import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { driverEnvironment } from '../executors/probe.ts'
import { type Limits, limitedCommand } from './limits.ts'
import type { ToChild } from './messages.ts'

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url))
const LAST_WORDS = 16_384

/** What a process is started with, and can do for as long as it lives. */
export type ProcessTerms = {
  readonly limits: Pick<Limits, 'memory' | 'nice'>
  readonly threads: number
  /** Whether it computes on a device, whose driver it loads. */
  readonly isOnDevice?: boolean
  /** The only directory that it may write in. */
  readonly writable?: string | undefined
}

/** A process that carries out jobs, one at a time: see child.ts. */
export type RunProcess = {
  readonly pid: number | undefined
  readonly send: (message: ToChild) => void
  readonly kill: () => void
  /** Who hears what it says; one at a time. */
  readonly hear: (listener: (raw: unknown) => void) => void
  /** The end of what it wrote to stderr. */
  readonly lastWords: () => string
  /** When it is gone and everything that it said has been heard. */
  readonly closed: Promise<Exit>
  /** Jobs that it has been given. */
  jobs: number
}

export type Exit = {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly error?: Error
}

export const startProcess = ({ limits, threads, writable, isOnDevice }: ProcessTerms): RunProcess => {
  const [command, args] = limitedCommand(CHILD, writable, limits, threads, isOnDevice)
  const env = isOnDevice ? driverEnvironment() : {}
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], env })
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  let lastWords = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-LAST_WORDS)
  })
  let listener: (raw: unknown) => void = () => {}
  child.on('message', (raw) => listener(raw))
  const closed = closing(child)
  void closed.then(() => process.off('exit', kill))
  return {
    pid: child.pid,
    // Whoever has ended hears nothing, and says how it ended by itself.
    send: (message) => {
      if (child.connected) child.send(message, () => {})
    },
    kill,
    hear: (next) => {
      listener = next
    },
    lastWords: () => lastWords,
    closed,
    jobs: 0,
  }
}

const closing = async (child: ChildProcess): Promise<Exit> => {
  const exit = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }))
    child.once('error', (error) => child.pid === undefined && resolve({ code: null, signal: null, error }))
  })
  const silent = new Promise<void>((resolve) => {
    if (child.connected) child.once('disconnect', resolve)
    else resolve()
  })
  const [how] = await Promise.all([exit, silent])
  return how
}
