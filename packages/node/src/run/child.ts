// What a run's process does: takes a job from its parent, and ends with it or waits for the next.
import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Move } from '@lockstep/proof'
import { FaultError } from '@lockstep/tensor'
import { auditInChild } from './audit-job.ts'
import { stopped } from './child-process.ts'
import type { Watch } from './limits.ts'
import { measureInChild } from './measure-job.ts'
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

type Ask = Extract<ToChild, { readonly kind: 'ask' }>

/** What belongs to one job: the next one begins with none of it. */
type Work = {
  isStopped: boolean
  pause: PromiseWithResolvers<void> | undefined
  readonly asked: Ask[]
  heard: PromiseWithResolvers<void>
}
let work: Work | undefined
let isWatched = false

const say = (message: FromChild): Promise<void> =>
  new Promise((resolve) => {
    process.send?.(message, () => resolve())
  })
const tell = (message: FromChild): void => void say(message)

const contextOf = (own: Work, memory: number): ChildContext => {
  let listened = performance.now()
  return {
    memory,
    tell,
    between: async () => {
      if (performance.now() - listened > LISTEN_MS) {
        await turn()
        listened = performance.now()
      }
      while (own.pause && !own.isStopped) {
        tell({ kind: 'paused' })
        await own.pause.promise
        tell({ kind: 'resumed' })
      }
      if (own.isStopped) throw new FaultError(stopped())
    },
    answer: async (to) => {
      while (!own.isStopped) {
        const ask = own.asked.shift()
        if (ask) {
          const move = await to(ask.record)
          tell({ kind: 'answer', id: ask.id, ...(move && { move }) })
        } else {
          own.heard = Promise.withResolvers()
          await own.heard.promise
        }
      }
    },
  }
}

const watch = (watched: Watch): void => {
  if (isWatched) return
  isWatched = true
  const worker = new Worker(new URL('./watchdog.ts', import.meta.url), { workerData: watched })
  worker.unref()
}

const carryOut = (job: Job, context: ChildContext): Promise<unknown> => {
  switch (job.kind) {
    case 'run':
      return runInChild(job, context)
    case 'audit':
      return auditInChild(job, context)
    case 'moves':
      return movesInChild(job, context)
    case 'measure':
      return measureInChild(job, context)
  }
}

const begin = async ({ parent, memory, keep, job }: Extract<ToChild, { kind: 'job' }>): Promise<void> => {
  if (work) throw new Error('a second job was given before the first had ended')
  const own: Work = {
    ...{ isStopped: false, pause: undefined, asked: [] },
    heard: Promise.withResolvers<void>(),
  }
  work = own
  watch({ parent, memory })
  try {
    const result = await carryOut(job, contextOf(own, memory))
    work = undefined
    await say({
      ...{ kind: 'done', result },
      peakMemory: process.resourceUsage().maxRSS * 1024,
      memory: process.memoryUsage.rss(),
    })
    if (keep) return
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
      void begin(message)
      break
    case 'ask':
      work?.asked.push(message)
      work?.heard.resolve()
      break
    case 'pause':
      if (work) work.pause ??= Promise.withResolvers()
      break
    case 'resume': {
      const paused = work?.pause
      if (work) work.pause = undefined
      paused?.resolve()
      break
    }
    case 'stop':
      // A job that has ended meanwhile is over; so is the process.
      if (!work) process.exit(0)
      work.isStopped = true
      work.pause?.resolve()
      work.heard.resolve()
  }
})
// A parent that is gone needs no run; the next one goes on with it.
process.on('disconnect', () => process.exit(1))
