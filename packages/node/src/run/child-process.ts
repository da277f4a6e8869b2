import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Fault, type FaultError, fail, ok, type Result } from '@lockstep/tensor'
import { z } from 'zod'
import { isDevice } from '../executors/id.ts'
import { type Limits, limitsSchema, OVER_MEMORY } from './limits.ts'
import { type FromChild, fromChild, type Job, job as jobSchema, type ToChild } from './messages.ts'
import { faultOfError, type RunFaultCode, runFault } from './run-fault.ts'
import { type Exit, type RunProcess, startProcess } from './run-process.ts'
import type { Spare, Spares } from './spares.ts'

/** How long a child that was asked to stop may take over its step. */
const STOP_MS = 5_000

/** A task that another process works on. */
export type ChildHandle<T> = {
  /** Of the process that has begun it. */
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
  /** Processes that have carried out jobs before, and keep those that can carry out more. */
  readonly spares?: Spares | undefined
}

/**
 * Gives a job to a process. It ends with the job, unless it can carry out another one; and when it is over a limit, and
 * when this process ends.
 */
export const startChild = <T>(options: ChildOptions<T>): ChildHandle<T> => {
  const { limits, spares } = options
  const checked = checkJob(options)
  if (!checked.ok) return neverStarted(checked.fault)
  const job = checked.value
  const goal = job.spec.directory
  const directory = job.kind === 'run' ? goal : undefined
  try {
    // Made here: the process may write in it, not beside it.
    if (directory !== undefined) mkdirSync(directory, { recursive: true })
  } catch (error) {
    const fault = faultOfError(error)
    if (fault === undefined) throw error
    return neverStarted(fault)
  }
  const { threads = 1, on, module } = job.spec.executor ?? {}
  const isOnDevice = on !== undefined && module === undefined && isDevice(on)

  let end: Result<Ended<T>> | undefined // what it ends with, as soon as that is certain
  let spare: Spare | undefined
  let process_!: RunProcess
  /** Something else than the job was asked of the process: its answer may be on its way for ever. */
  let isDisturbed = false
  /** From then on the process may be another job's. */
  let isSettled = false
  const settled = Promise.withResolvers<Result<Ended<T>>>()
  let waiting: (() => void)[] = [] // for the child to have paused or resumed
  const answered = (): void => {
    for (const resolve of waiting) resolve()
    waiting = []
  }
  const clock = runClock(limits.time, () => {
    const field = 'time'
    kill(ended('run-over-time', field, `over ${limits.time} s`, `${limits.time} s`, RAISE))
  })
  const settle = (result: Result<Ended<T>>): void => {
    isSettled = true
    clock.stop()
    answered()
    settled.resolve(result)
  }
  const kill = (fault: Fault): void => {
    if (isSettled) return
    end ??= fail(fault)
    process_.kill()
  }
  const send = (message: ToChild): void => {
    if (!isSettled) process_.send(message)
  }

  /** Begins the job with a process, or from the last checkpoint on where another one has failed. */
  const begin = (): void => {
    spare = spares?.take(job, limits)
    const current = spare?.process ?? startProcess({ limits, threads, writable: directory, isOnDevice })
    process_ = current
    const isFirst = current.jobs <= 1
    current.hear((raw) => {
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
          end ??= fail(seenFrom(message.fault, spare?.directory, goal))
          break
        case 'done': {
          const result = options.result.safeParse(message.result)
          if (!result.success) return kill(crashed('result', result.error.issues[0]!.message))
          end ??= ok({ result: result.data, peakMemory: message.peakMemory })
        }
      }
      options.told(message)
      if (message.kind !== 'done' || spare === undefined || !end?.ok) return
      const given = spare
      spare = undefined
      if (isDisturbed) given.process.kill()
      else {
        settle(end)
        given.giveBack(message.memory)
      }
    })
    void current.closed.then((exit) => {
      if (isSettled) return
      if (end === undefined && !isFirst && !isDisturbed) {
        // What another job has left in it may be why: that says nothing about this one.
        spare = undefined
        begin()
      } else settle(end ?? fail(faultOfExit(exit, current.lastWords(), limits)))
    })
    const seen = spare === undefined ? job : { ...job, spec: { ...job.spec, directory: spare.directory } }
    const keep = spare !== undefined
    current.send({ kind: 'job', parent: process.pid, memory: limits.memory, keep, job: seen as Job })
  }
  begin()

  const request = (message: ToChild): Promise<void> => {
    isDisturbed = true
    return Promise.race([
      new Promise<void>((resolve) => {
        waiting.push(resolve)
        send(message)
      }),
      settled.promise.then(() => {}),
    ])
  }
  return {
    pid: process_.pid,
    ended: settled.promise,
    pause: () => request({ kind: 'pause' }),
    resume: () => request({ kind: 'resume' }),
    stop: async () => {
      isDisturbed = true
      send({ kind: 'stop' })
      const impatience = setTimeout(() => kill(stopped()), STOP_MS)
      await settled.promise
      clearTimeout(impatience)
    },
    send,
  }
}

/** A fault as whoever gave the job knows the directory. */
const seenFrom = (fault: Fault, seen: string | undefined, goal: string): Fault =>
  seen === undefined
    ? fault
    : {
        ...fault,
        field: fault.field.replaceAll(seen, goal),
        ...(typeof fault.value === 'string' && { value: fault.value.replaceAll(seen, goal) }),
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
