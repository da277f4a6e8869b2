import { afterEnd, BACK_OFF, type BackOff, type Ends, NO_ENDS } from './back-off.ts'
import type { Part, RunningPart } from './part.ts'

export type PartState = 'starting' | 'running' | 'waiting' | 'failing' | 'stopping' | 'stopped'
export type PartStatus = {
  readonly name: string
  readonly state: PartState
  readonly restarts: number
  /** Seconds since 1970. */
  readonly since: number
  /** Why it ended last. */
  readonly reason?: string | undefined
  readonly pid?: number | undefined
}

export type Supervisor = {
  status(): PartStatus[]
  /** What keeps the node from being ready. */
  troubles(): { readonly part: string; readonly code: string; readonly message: string }[]
  /** Fulfilled when every part has been up once, or the supervisor was stopped before. */
  readonly up: Promise<void>
  /** Stops all parts, the last first, each within its bound. Fulfilled with the names of those that had to be killed. */
  stop(): Promise<string[]>
}

export type SuperviseOptions = {
  readonly log: {
    info(fields: object, message: string): void
    warn(fields: object, message: string): void
    error(fields: object, message: string): void
  }
  readonly backOff?: BackOff
  /** Called when processes have come or gone. */
  readonly changed?: (processes: readonly { readonly name: string; readonly pid: number }[]) => void
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

const START_WITHIN = 60_000
const STOP_WITHIN = 10_000
const KILL_WITHIN = 4_000

type Entry = {
  readonly part: Part
  state: PartState
  since: number
  restarts: number
  reason: string | undefined
  running: RunningPart | undefined
  ends: Ends
  /** Whether it has ended again and again, and has not run steadily since. */
  looping: boolean
  /** Fulfilled when its loop is over. */
  tended: Promise<void>
}

/**
 * Keeps parts running: starts them in order, each when the one before it is up, and any one again that has ended, after a
 * delay that grows. One that ends again and again is reported as failing, and tried on.
 */
export const supervise = (parts: readonly Part[], options: SuperviseOptions): Supervisor => {
  const { log, backOff = BACK_OFF, changed = () => {}, now = Date.now } = options
  const stopping = new AbortController()
  const entries = parts.map(
    (part): Entry => ({
      part,
      state: 'waiting',
      since: now(),
      restarts: 0,
      reason: undefined,
      running: undefined,
      ends: NO_ENDS,
      looping: false,
      tended: Promise.resolve(),
    }),
  )
  const move = (entry: Entry, state: PartState): void => {
    entry.state = state
    entry.since = now()
  }
  const announce = (): void =>
    changed(
      entries.flatMap(({ part, running }) =>
        running?.pid === undefined ? [] : [{ name: part.name, pid: running.pid }],
      ),
    )

  const tend = async (entry: Entry, up: () => void): Promise<void> => {
    const { part } = entry
    while (!stopping.signal.aborted) {
      const began = now()
      move(entry, 'starting')
      try {
        entry.running = await startWithin(part, stopping.signal)
        announce()
        if (!stopping.signal.aborted) move(entry, 'running')
        log.info({ part: part.name, restarts: entry.restarts }, 'up')
        up()
        entry.reason = await entry.running.ended
      } catch (error) {
        entry.reason = `did not start: ${error instanceof Error ? error.message : error}`
      }
      entry.running = undefined
      announce()
      if (stopping.signal.aborted) break
      const after = afterEnd(entry.ends, { now: now(), ran: now() - began }, backOff)
      entry.ends = after.ends
      entry.looping = after.looping
      entry.restarts++
      move(entry, after.looping ? 'failing' : 'waiting')
      const fields = { part: part.name, reason: entry.reason, again: after.delay }
      if (after.looping) log.error(fields, 'ends again and again')
      else log.warn(fields, 'ended, starts again')
      await pause(after.delay, stopping.signal)
    }
    move(entry, 'stopped')
  }

  const start = async (): Promise<void> => {
    for (const entry of entries) {
      if (stopping.signal.aborted) break
      await new Promise<void>((resolve) => {
        entry.tended = tend(entry, resolve).finally(resolve)
      })
    }
    for (const entry of entries) if (stopping.signal.aborted && !entry.running) move(entry, 'stopped')
  }

  const stopOne = async (entry: Entry): Promise<boolean> => {
    const { running, part } = entry
    if (running === undefined) {
      // Between two runs it stops by itself; in a start that takes no notice it is left to its bound.
      await Promise.race([entry.tended, pause(part.stopWithin ?? STOP_WITHIN)])
      return true
    }
    move(entry, 'stopping')
    const asked = Promise.resolve()
      .then(() => running.stop())
      .catch((error) => log.error({ part: part.name, err: error }, 'failed while it was stopped'))
    const over = Promise.all([asked, running.ended]).then(() => true)
    const inTime = await Promise.race([over, pause(part.stopWithin ?? STOP_WITHIN).then(() => false)])
    if (!inTime) {
      log.error({ part: part.name }, 'did not stop in time and is killed')
      running.kill()
    }
    await Promise.race([entry.tended, pause(KILL_WITHIN)])
    move(entry, 'stopped')
    return inTime
  }

  const stopAll = async (): Promise<string[]> => {
    stopping.abort()
    const killed: string[] = []
    for (const entry of [...entries].reverse()) if (!(await stopOne(entry))) killed.push(entry.part.name)
    await up
    return killed
  }

  const up = start()
  let stopped: Promise<string[]> | undefined
  return {
    up,
    status: () =>
      entries.map(({ part, state, since, restarts, reason, running }) => ({
        name: part.name,
        state,
        restarts,
        since: Math.floor(since / 1000),
        reason,
        pid: running?.pid,
      })),
    troubles: () =>
      entries.flatMap(({ part, state, since, reason, ends, looping }) => {
        const steady = state === 'running' && now() - since >= backOff.steady
        if (looping && !steady) {
          const message = `ended ${ends.times.length} times within ${backOff.loop.within / 1000} s; last: ${reason}`
          return [{ part: part.name, code: 'crash-loop', message }]
        }
        if (state === 'running') return []
        return [{ part: part.name, code: `part-${state}`, message: reason ?? `${part.name} is ${state}` }]
      }),
    stop: () => {
      stopped ??= stopAll()
      return stopped
    },
  }
}

/** Starts a part within its bound; one that comes up later is ended at once. */
const startWithin = async (part: Part, stopping: AbortSignal): Promise<RunningPart> => {
  const bound = part.startWithin ?? START_WITHIN
  const [giveUp, over] = [new AbortController(), new AbortController()]
  const starting = part.start(AbortSignal.any([stopping, giveUp.signal]))
  const late = pause(bound, AbortSignal.any([stopping, over.signal])).then(() => {
    throw new Error(stopping.aborted ? 'stopped' : `not up within ${bound / 1000} s`)
  })
  late.catch(() => {})
  try {
    return await Promise.race([starting, late])
  } catch (error) {
    giveUp.abort()
    const ended = starting.then(
      async (running) => {
        running.kill()
        await running.ended
      },
      () => {},
    )
    await Promise.race([ended, pause(KILL_WITHIN, over.signal)])
    throw error
  } finally {
    over.abort()
  }
}

const pause = (milliseconds: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, milliseconds)
    signal?.addEventListener('abort', end)
  })
