import { type ChildProcess, spawn } from 'node:child_process'
import type { Part, RunningPart } from './part.ts'

export type ProcessPartOptions = Pick<Part, 'name' | 'startWithin' | 'stopWithin'> & {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** Asked again and again until it is true; without it the process is up when it says `ready` over its channel. */
  readonly ready?: (stopping: AbortSignal) => Promise<boolean>
  /** One line that it has written. */
  readonly line?: (text: string, stream: 'stdout' | 'stderr') => void
}

const ASK_EVERY = 100
const MOST_LINE = 8192
const POLITE = 2_000

/**
 * A process of its own as a part. It leads a process group, so that a Ctrl-C on the terminal reaches the node alone, which
 * stops its parts in order, and so that what the process has started itself ends with it.
 */
export const processPart = (options: ProcessPartOptions): Part => {
  const { name, startWithin, stopWithin } = options
  return {
    name,
    ...(startWithin === undefined ? {} : { startWithin }),
    ...(stopWithin === undefined ? {} : { stopWithin }),
    start: (stopping) => startProcess(options, stopping),
  }
}

const startProcess = async (options: ProcessPartOptions, stopping: AbortSignal): Promise<RunningPart> => {
  const { command, args, env, cwd, ready, line = () => {} } = options
  const grouped = process.platform !== 'win32'
  const child = spawn(command, args, {
    env: env ?? process.env,
    ...(cwd === undefined ? {} : { cwd }),
    stdio: ['ignore', 'pipe', 'pipe', ...(ready === undefined ? (['ipc'] as const) : [])],
    detached: grouped,
    windowsHide: true,
  })
  eachLine(child, 'stdout', line)
  eachLine(child, 'stderr', line)
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not run: ${error.message}`))
    child.once('exit', (code, signal) => {
      endGroup(child, grouped) // what it has left behind
      resolve(signal === null ? `ended with ${code}` : `killed by ${signal}`)
    })
  })
  const part: RunningPart = {
    pid: child.pid,
    ended,
    stop: () => {
      child.kill('SIGTERM')
    },
    kill: () => {
      endGroup(child, grouped)
      child.kill('SIGKILL')
    },
  }
  try {
    const over = ended.then((reason) => {
      throw new Error(reason)
    })
    over.catch(() => {})
    const isReady = ready === undefined ? saidReady(child) : untilReady(ready, stopping)
    isReady.catch(() => {})
    await Promise.race([over, isReady, stopped(stopping)])
    return part
  } catch (error) {
    // Politely first, also where it has not come up.
    await part.stop()
    const late = setTimeout(part.kill, POLITE)
    await ended
    clearTimeout(late)
    throw error
  }
}

const stopped = (stopping: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const stop = (): void => reject(new Error('stopped before it was ready'))
    if (stopping.aborted) stop()
    else stopping.addEventListener('abort', stop, { once: true })
  })

const endGroup = (child: ChildProcess, grouped: boolean): void => {
  if (child.pid === undefined || !grouped) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {} // nobody is left in it
}

const saidReady = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    child.on('message', (message) => {
      if (message === READY) resolve()
    })
  })

const untilReady = async (ready: (stopping: AbortSignal) => Promise<boolean>, stopping: AbortSignal) => {
  while (!stopping.aborted) {
    if (await ready(stopping).catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY))
  }
}

/** Hands on whole lines; of a long one its beginning. */
const eachLine = (
  child: ChildProcess,
  name: 'stdout' | 'stderr',
  line: (text: string, stream: 'stdout' | 'stderr') => void,
): void => {
  let rest = ''
  const flush = (): void => {
    if (rest !== '') line(rest, name)
    rest = ''
  }
  child[name]?.setEncoding('utf8')
  child[name]?.on('data', (chunk: string) => {
    const [first = '', ...others] = chunk.split('\n')
    rest = (rest + first).slice(0, MOST_LINE)
    for (const text of others) {
      flush()
      rest = text.slice(0, MOST_LINE)
    }
  })
  child[name]?.on('close', flush)
}

const READY = 'ready'

/** Called by a process that a node has started, when it is up. */
export const sayReady = (): void => {
  process.send?.(READY)
}

/**
 * Called by a process that a node has started: it ends with the node, also where that was killed and could not say so.
 * `stop` is what it does at a SIGTERM.
 */
export const endWithParent = (stop: () => void): void => {
  process.once('disconnect', stop)
}
