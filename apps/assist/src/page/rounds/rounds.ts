import {
  type Assistant,
  AssistError,
  type AssistStorage,
  type Episode,
  type Given,
  type LearnOutcome,
  type Leaving,
  symbolsIn,
} from '@lockstep/assist'
import type { Came, Gave, Leave, RoundId, Said, Step, Turn } from './turn.ts'

export type Room = Pick<Assistant<never, never>, 'episodes' | 'versions' | 'consent' | 'adopt'>

/** What of a base that came was done with it. */
export type Used = LearnOutcome | { readonly applied: false; readonly why: 'in use' }

/** How far a turn has come, and how the one before ended. */
export type Standing = {
  readonly step: Step | 'trying' | undefined
  readonly gave?: Gave
  readonly came?: Came
  readonly used?: Used
  /** The keeper could not be reached, or said what nobody understands. */
  readonly failed?: string
}

export type Rounds = {
  /** What consent for it is asked by: the keeper's address. */
  readonly keeper: string
  standing(): Standing
  /** Gives what the person has agreed to, fetches the newest base and uses it if it is better. One turn at a time. */
  take(): Promise<void>
  /** The same when nothing else is to be done, where the person has agreed to give, and not too often. */
  idle(): void
}

export type RoundsOptions = {
  readonly keeper: string
  readonly room: Room
  /** Keeps which round was given to and which base was tried. */
  readonly storage: AssistStorage
  readonly changed: () => void
  readonly failed: (error: unknown) => void
}

/** Milliseconds between turns that nobody asked for. */
const SELDOM = 5 * 60_000
/** Of the newest episodes no more are learned from, as in an update of one's own. */
const MOST_EPISODES = 64
const MOST_SYMBOLS = 60_000
const KEY = 'rounds'

/** A page's part in the rounds of one keeper. Each turn has a worker of its own, so that nothing in the page waits for it. */
export const openRounds = ({ keeper, room, storage, changed, failed }: RoundsOptions): Rounds => {
  let standing: Standing = { step: undefined }
  let running: Promise<void> | undefined
  let last = Number.NEGATIVE_INFINITY

  const move = (next: Standing): void => {
    standing = next
    changed()
  }

  const newest = async (): Promise<Episode[]> => {
    const episodes: Episode[] = []
    let symbols = 0
    for (const { id } of await room.episodes.list()) {
      if (id === 'open') continue
      if (episodes.length === MOST_EPISODES || symbols >= MOST_SYMBOLS) break
      const episode = await room.episodes.get(id)
      if (!episode) continue
      episodes.unshift(episode)
      symbols += symbolsIn(episode)
    }
    return episodes
  }

  /** Asks the person's consent, as it is now, and writes down what leaves. */
  const mayLeave = async (
    { what, update, episodes: ids }: Extract<Said, { readonly kind: 'leaving' }>,
    episodes: readonly Episode[],
  ): Promise<Leave> => {
    try {
      if (what === 'updates') return { ok: true, update: await room.consent.update(keeper, update, ids) }
      await room.consent.episodes(
        keeper,
        episodes.filter(({ id }) => ids.includes(id)),
      )
      return { ok: true, update }
    } catch (error) {
      if (!(error instanceof AssistError)) throw error
      const { field, value, limit, remedy } = error
      return { ok: false, field, value, limit, remedy }
    }
  }

  const use = async (came: Came): Promise<Used | undefined> => {
    if (came.kind !== 'base') return undefined
    if (room.versions.current().lineage === came.from) return { applied: false, why: 'in use' }
    move({ ...standing, step: 'trying' })
    return room.adopt({ state: came.state, lineage: came.from })
  }

  const turn = (isAsked: boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./rounds-worker.ts', import.meta.url), { type: 'module' })
      const end = (error?: unknown): void => {
        worker.terminate()
        if (error === undefined) resolve()
        else reject(error)
      }
      const begin = async (): Promise<void> => {
        move({ step: 'asking' })
        const agreed = agreedFor(room, keeper)
        if (agreed) await room.episodes.end()
        const episodes = agreed ? await newest() : []
        const { gave, tried } = await kept(storage)
        const done = async (came: Came): Promise<void> => {
          const used = await use(came)
          if (came.kind === 'base' && used && isSettled(used))
            await keep(storage, { ...(await kept(storage)), tried: came.name.root })
          move({ ...standing, step: undefined, came, ...(used && { used }) })
          end()
        }
        worker.onmessage = ({ data }: MessageEvent<Said>) => {
          const heard = async (): Promise<void> => {
            if (data.kind === 'step') move({ ...standing, step: data.step })
            else if (data.kind === 'leaving') worker.postMessage(await mayLeave(data, episodes))
            else if (data.kind === 'failed') end(new Error(data.why))
            else if (data.kind === 'came') await done(data.came)
            else {
              const { gave } = data
              if (gave.kind === 'given') await keep(storage, { ...(await kept(storage)), gave: gave.round })
              move({ ...standing, gave })
            }
          }
          heard().catch(end)
        }
        worker.onerror = ({ message }) => end(new Error(message || 'its worker was not loaded'))
        const asked: Turn = {
          ...{ address: keeper, agreed, episodes, gave },
          // Whoever presses the button has it tried again: what they have done since may say something else.
          tried: isAsked ? undefined : tried,
        }
        worker.postMessage(asked)
      }
      begin().catch(end)
    })

  const run = (isAsked: boolean): Promise<void> => {
    running ??= turn(isAsked)
      .catch((error: unknown) =>
        move({
          ...standing,
          step: undefined,
          failed: error instanceof Error ? error.message : String(error),
        }),
      )
      .finally(() => {
        running = undefined
        last = performance.now()
        changed()
      })
    return running
  }

  return {
    keeper,
    standing: () => standing,
    take: () => run(true),
    idle: () => {
      if (!agreedFor(room, keeper) || performance.now() - last < SELDOM) return
      run(false).catch(failed)
    },
  }
}

export const agreedFor = ({ consent }: Pick<Room, 'consent'>, keeper: string): Given | undefined =>
  consent.list().find(({ destination }) => destination === keeper)

/** What the person says may leave, put down for this keeper. */
export const agree = async (
  { consent }: Pick<Room, 'consent'>,
  keeper: string,
  what: Leaving | 'nothing',
): Promise<void> => {
  if (what === 'nothing') await consent.withdraw(keeper)
  else await consent.give(keeper, what)
}

/** Whether a base was tried to an end, so that it need not be fetched again. */
const isSettled = (used: Used): boolean => used.applied || used.why === 'no better' || used.why === 'in use'

type Kept = { readonly gave: RoundId | undefined; readonly tried: string | undefined }

/** What is not there, or not what was written, is as if nothing had been given or tried. */
const kept = async (storage: AssistStorage): Promise<Kept> => {
  const bytes = await storage.get(KEY)
  try {
    const { gave, tried } = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Kept>
    const isRound = typeof gave?.round === 'number' && typeof gave.opened === 'number'
    return { gave: isRound ? gave : undefined, tried: typeof tried === 'string' ? tried : undefined }
  } catch {
    return { gave: undefined, tried: undefined }
  }
}

const keep = (storage: AssistStorage, kept: Kept): Promise<void> =>
  storage.put(KEY, new TextEncoder().encode(JSON.stringify(kept)))
