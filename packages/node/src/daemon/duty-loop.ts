import { type Fault, FaultError, fail, type Result } from '@lockstep/tensor'
import type { Logger } from 'pino'
import { type Duty, dutyKey } from '../flow/duty.ts'
import { type Hands, isOvertaken } from '../roles/carry-out.ts'

export type DutyLoopOptions = {
  /** What is due now. */
  readonly due: () => Promise<readonly Duty[]>
  readonly hands: Hands
  readonly log: Logger
  /** Milliseconds between two looks where nothing asks for one. */
  readonly interval?: number
  /** Milliseconds since some beginning. */
  readonly clock?: () => number
  /** Duties that are carried out at a time. */
  readonly atOnce?: number
}

export type DutyLoop = {
  /** Looks again soon. */
  readonly wake: () => void
  readonly underWay: () => readonly string[]
  /** Why looks fail at present, if they do. */
  readonly fault: () => string | undefined
  readonly stop: () => Promise<void>
}

const [LEAST_WAIT_MS, MOST_WAIT_MS] = [500, 30_000]
/** Between two looks at least: what comes in at once, such as a block's events and what peers say, is one reason to look. */
const LEAST_GAP_MS = 200

/**
 * Carries out what is due, again and again: each duty once at a time, one that failed after a pause that grows. Nothing
 * is remembered that matters: after a restart the same duties are due.
 */
export const startDutyLoop = (options: DutyLoopOptions): DutyLoop => {
  const { due, hands, log, interval = 1_000, clock = () => performance.now(), atOnce = 64 } = options
  const working = new Map<string, Promise<void>>()
  const pauses = new Map<string, { readonly until: number; readonly wait: number }>()
  let stopped = false
  let fault: string | undefined
  let bell = Promise.withResolvers<void>()
  const wake = (): void => {
    bell.resolve()
    bell = Promise.withResolvers<void>()
  }

  const carryOut = async (key: string, duty: Duty): Promise<void> => {
    const hand = hands[duty.do] as ((duty: Duty) => Promise<Result<unknown>>) | undefined
    if (hand === undefined) return
    let result: Result<unknown>
    try {
      result = await hand(duty)
    } catch (error) {
      if (stopped) return
      if (!(error instanceof FaultError)) log.error({ duty: key, err: error }, `${key} failed`)
      result = fail(faultOf(error))
    }
    if (result.ok) {
      // What is due again at once has not been seen yet, or changes nothing: either way there is time.
      pauses.set(key, { until: clock() + LEAST_WAIT_MS, wait: 0 })
      return
    }
    const wait = Math.min(MOST_WAIT_MS, Math.max(LEAST_WAIT_MS, 2 * (pauses.get(key)?.wait ?? 0)))
    pauses.set(key, { until: clock() + wait, wait })
    if (!isOvertaken(result.fault))
      log.debug({ duty: key, fault: result.fault, wait }, `${key} is tried again`)
  }

  const look = async (): Promise<void> => {
    for (const duty of await due()) {
      const key = dutyKey(duty)
      if (working.has(key) || working.size >= atOnce || (pauses.get(key)?.until ?? 0) > clock()) continue
      const work = carryOut(key, duty).finally(() => {
        working.delete(key)
        wake()
      })
      working.set(key, work)
    }
    if (pauses.size > 4096) for (const [key, { until }] of pauses) if (until < clock()) pauses.delete(key)
  }

  const run = async (): Promise<void> => {
    while (!stopped) {
      const rung = bell.promise
      try {
        await look()
        fault = undefined
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error)
        if (text !== fault) log.warn({ err: error }, 'what is due cannot be seen')
        fault = text
      }
      if (stopped) break
      await new Promise((resolve) => setTimeout(resolve, Math.min(LEAST_GAP_MS, interval)))
      await Promise.race([rung, new Promise((resolve) => setTimeout(resolve, interval).unref())])
    }
  }
  const ended = run()

  return {
    wake,
    underWay: () => [...working.keys()],
    fault: () => fault,
    stop: async () => {
      stopped = true
      wake()
      await ended
      await Promise.allSettled(working.values())
    },
  }
}

const faultOf = (error: unknown): Fault =>
  error instanceof FaultError
    ? error.fault
    : {
        code: 'duty-failed',
        field: 'duty',
        value: error instanceof Error ? error.message : String(error),
        limit: 'done',
        remedy: 'It is tried again; see the log.',
      }
