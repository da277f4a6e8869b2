// What a run's process does: takes one job from its parent, and ends with it.
import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Move } from '@lockstep/proof'
import { FaultError } from '@lockstep/tensor'
import { auditInChild } from './audit-job.ts'
import { stopped } from './child-process.ts'
import type { Watch } from './limits.ts'
import { type FromChild, type Job, type RecordOnWire, type ToChild, toChild } from './messages.ts'
import { movesInChild } from './moves-job.ts'
import { faultOfError } from './run-fault.ts'
import { runInChild } from './run-job.ts'

export type ChildContext = {
  readonly memory: number
  readonly tell: (message: FromChild) => void
  /** Called between two steps: waits while the run is paused, throws where it must stop. */
  readonly between: () => Promise<void>
  /** Answers the parent's questions, one after another, until the run is stopped. */
  readonly answer: (to: (record: RecordOnWire) => Promise<Move | undefined>) => Promise<void>
}

/** How long a run goes on without listening to its parent. */
const LISTEN_MS = 10

let isStopped = false
let pause: PromiseWithResolvers<void> | undefined
let listened = performance.now()

const say = (message: FromChild): Promise<void> =>
  new Promise((resolve) => {
    process.send?.(message, () => resolve())
  })
const tell = (message: FromChild): void => void say(message)

const between = async (): Promise<void> => {
  if (performance.now() - listened > LISTEN_MS) {
    await turn()
    listened = performance.now()
  }
  while (pause && !isStopped) {
    tell({ kind: 'paused' })
    await pause.promise
    tell({ kind: 'resumed' })
  }
  if (isStopped) throw new FaultError(stopped())
}

type Ask = Extract<ToChild, { readonly kind: 'ask' }>
const asked: Ask[] = []
let heard = Promise.withResolvers<void>()

const answer: ChildContext['answer'] = async (to) => {
  while (!isStopped) {
    const ask = asked.shift()
    if (ask) {
      const move = await to(ask.record)
      tell({ kind: 'answer', id: ask.id, ...(move && { move }) })
    } else {
      heard = Promise.withResolvers()
      await heard.promise
    }
  }
}

const watch = (watched: Watch): void => {
  const worker = new Worker(new URL('./watchdog.ts', import.meta.url), { workerData: watched })
  worker.unref()
}

const work = (job: Job, context: ChildContext): Promise<unknown> => {
  switch (job.kind) {
    case 'run':
      return runInChild(job, context)
    case 'audit':
      return auditInChild(job, context)
    case 'moves':
      return movesInChild(job, context)
  }
}

const begin = async (parent: number, memory: number, job: Job): Promise<void> => {
  watch({ parent, memory })
  try {
    const result = await work(job, { memory, tell, between, answer })
    await say({ kind: 'done', result, peakMemory: process.resourceUsage().maxRSS * 1024 })
  } catch (error) {
    const fault = faultOfError(error)
    if (fault === undefined) throw error
    await say({ kind: 'fault', fault })
  }
  process.exit(0)
}

process.on('message', (raw) => {
  const message = toChild.parse(raw)
  switch (message.kind) {
    case 'job':
      // An error that is no fault is a bug of ours: the process ends with it, and its parent says so.
      void begin(message.parent, message.memory, message.job)
      break
    case 'ask':
      asked.push(message)
      heard.resolve()
      break
    case 'pause':
      pause ??= Promise.withResolvers()
      break
    case 'resume': {
      const paused = pause
      pause = undefined
      if (paused) paused.resolve()
      break
    }
    case 'stop':
      isStopped = true
      pause?.resolve()
      heard.resolve()
  }
})
// A parent that is gone needs no run; the next one goes on with it.
process.on('disconnect', () => process.exit(1))
