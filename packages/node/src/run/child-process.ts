import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Fault, type FaultError, fail, ok, type Result } from '@lockstep/tensor'
import { z } from 'zod'
import { type Limits, limitedCommand, limitsSchema, OVER_MEMORY } from './limits.ts'
import { type FromChild, fromChild, type Job, job as jobSchema, type ToChild } from './messages.ts'
import { faultOfError, type RunFaultCode, runFault } from './run-fault.ts'

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url))
/** How long a child that was asked to stop may take over its step. */
const STOP_MS = 5_000
const LAST_WORDS = 16_384

/** A task that another process works on. */
export type ChildHandle<T> = {
  readonly pid: number | undefined
  /** How it ended. Never rejects. */
  readonly ended: Promise<Result<Ended<T>>>
  /** Lets the machine be; comes back when the step that is running has ended. */
  readonly pause: () => Promise<void>
  readonly resume: () => Promise<void>
  /** Ends it after the step that is running, or by force; what it has written stays. */
  readonly stop: () => Promise<void>
  readonly send: (message: ToChild) => void
}
export type Ended<T> = { readonly result: T; readonly peakMemory: number }

export type ChildOptions<T> = {
  readonly job: z.input<typeof jobSchema>
  readonly limits: Limits
  readonly result: z.ZodType<T>
  readonly told: (message: FromChild) => void
}

/** Starts a process for a job. It ends when the job does, when it is over a limit, and when this process ends. */
export const startChild = <T>(options: ChildOptions<T>): ChildHandle<T> => {
  const { limits, told } = options
  const checked = checkJob(options)
  if (!checked.ok) return neverStarted(checked.fault)
  const job = checked.value
  const directory = job.kind === 'run' ? job.spec.directory : undefined
  try {
    // Made here: the process may write in it, not beside it.
    if (directory !== undefined) mkdirSync(directory, { recursive: true })
  } catch (error) {
    const fault = faultOfError(error)
    if (fault === undefined) throw error
    return neverStarted(fault)
  }
  const [command, args] = limitedCommand(CHILD, directory, limits, job.spec.executor?.threads ?? 1)
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], env: {} })
  const killWithUs = (): void => void child.kill('SIGKILL')
  process.once('exit', killWithUs)

  let lastWords = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-LAST_WORDS)
  })

  let end: Result<Ended<T>> | undefined // what it ends with, as soon as that is certain
  const kill = (fault: Fault): void => {
    end ??= fail(fault)
    child.kill('SIGKILL')
  }
  let waiting: (() => void)[] = [] // for the child to have paused or resumed
  const answered = (): void => {
    for (const resolve of waiting) resolve()
    waiting = []
  }
  const clock = runClock(limits.time, () => {
    const field = 'time'
    kill(ended('run-over-time', field, `over ${limits.time} s`, `${limits.time} s`, RAISE))
  })

  child.on('message', (raw) => {
    const parsed = fromChild.safeParse(raw)
    if (!parsed.success) return kill(crashed('message', parsed.error.issues[0]!.message))
    const message = parsed.data
    switch (message.kind) {
      case 'paused':
        clock.stop()
        answered()
        break
      case 'resumed':
        clock.start()
        answered()
        break
      case 'fault':
        end ??= fail(message.fault)
        break
      case 'done': {
        const result = options.result.safeParse(message.result)
        if (!result.success) return kill(crashed('result', result.error.issues[0]!.message))
        end ??= ok({ result: result.data, peakMemory: message.peakMemory })
      }
    }
    told(message)
  })

  const closed = closing(child).then((exit): Result<Ended<T>> => {
    clock.stop()
    process.off('exit', killWithUs)
    answered()
    return end ?? fail(faultOfExit(exit, lastWords, limits))
  })

  const send = (message: ToChild): void => {
    // Whoever has ended hears nothing, and says how it ended by itself.
    if (child.connected) child.send(message, () => {})
  }
  const request = (message: ToChild): Promise<void> =>
    Promise.race([
      new Promise<void>((resolve) => {
        waiting.push(resolve)
        send(message)
      }),
      closed.then(() => {}),
    ])
  send({ kind: 'job', parent: process.pid, memory: limits.memory, job })

  return {
    pid: child.pid,
    ended: closed,
    pause: () => request({ kind: 'pause' }),
    resume: () => request({ kind: 'resume' }),
    stop: async () => {
      send({ kind: 'stop' })
      const impatience = setTimeout(() => kill(stopped()), STOP_MS)
      await closed
      clearTimeout(impatience)
    },
    send,
  }
}

/** What stands for a process that was not worth starting. */
const neverStarted = (fault: Fault): ChildHandle<never> => {
  const nothing = async (): Promise<void> => {}
  const ended = Promise.resolve(fail(fault))
  return { pid: undefined, ended, pause: nothing, resume: nothing, stop: nothing, send: () => {} }
}

/** The job where it can be begun, with whole paths: the process works from anywhere. */
const checkJob = ({ job, limits }: Pick<ChildOptions<never>, 'job' | 'limits'>): Result<Job> => {
  const parsed = z.object({ job: jobSchema, limits: limitsSchema }).safeParse({ job, limits })
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const field = issue!.path.join('.')
    return fail(ended('run-invalid', field, 'malformed', issue!.message, 'Correct the spec.'))
  }
  const { spec } = parsed.data.job
  const { program, initial, inputs, directory, executor } = spec
  const whole: Job['spec'] = {
    ...spec,
    program: resolve(program),
    initial: resolve(initial),
    inputs: inputs.map(({ path, stateOf }) => ({
      path: resolve(path),
      ...(stateOf !== undefined && { stateOf: resolve(stateOf) }),
    })),
    directory: resolve(directory),
    ...(executor?.module !== undefined && { executor: { ...executor, module: resolve(executor.module) } }),
  }
  return ok({ ...parsed.data.job, spec: whole })
}

type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly error?: Error }

/** When the process is gone and everything that it said has been heard. */
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

/** A time limit that runs only while it is started. */
const runClock = (seconds: number | undefined, over: () => void) => {
  let left = (seconds ?? 0) * 1000
  let since = 0
  let timer: NodeJS.Timeout | undefined
  const start = (): void => {
    if (seconds === undefined || timer) return
    since = performance.now()
    timer = setTimeout(over, Math.max(left, 0))
  }
  const stop = (): void => {
    if (!timer) return
    clearTimeout(timer)
    timer = undefined
    left -= performance.now() - since
  }
  start()
  return { start, stop }
}

const RAISE = 'Raise the limit, or bid on smaller tasks.'

const ended = (code: RunFaultCode, ...rest: [string, string | number, string | number, string]): Fault =>
  (runFault(code, ...rest) satisfies FaultError).fault

export const stopped = (): Fault =>
  ended(
    'run-stopped',
    'run',
    'stopped',
    'run to its end',
    'Start it again: it goes on from the last checkpoint.',
  )

const crashed = (field: string, value: string): Fault =>
  ended(
    'run-crashed',
    field,
    value,
    'an ordinary end',
    'Start it again: it goes on from the last checkpoint.',
  )

const faultOfExit = ({ code, signal, error }: Exit, lastWords: string, { memory }: Limits): Fault => {
  if (error) return crashed('process', error.message)
  if (lastWords.includes(OVER_MEMORY) || /out of memory|Allocation failed/i.test(lastWords))
    return ended('run-over-memory', 'memory', `over ${memory} bytes`, `${memory} bytes`, RAISE)
  if (signal) return crashed('signal', signal)
  const [reason = ''] = /^\w*Error.*$/m.exec(lastWords) ?? []
  return crashed('exit code', reason === '' ? String(code) : `${code}, ${reason.slice(0, 300)}`)
}
