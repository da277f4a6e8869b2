import { NOTHING, type Use } from './measure.ts'
import { keysOf, type Typist, typistOf } from './typist.ts'
import type { Writer } from './writers.ts'

/** How an offer ended. */
export type Ending = 'edited' | 'ignored' | 'dismissed' | 'undone'

/** Whoever helps in a replay. Times are milliseconds since the first key. */
export type Helper = {
  /** A new document begins: empty. */
  begin(at: number): Promise<void>
  /** What is offered behind this text. It stays on the screen until it ends, less what of it is typed. */
  offer(before: string, at: number): Promise<string | undefined>
  /** The offer on the screen was taken: `text`, all of it that was left, stands behind `before` now. */
  taken(before: string, text: string, at: number): Promise<void>
  /**
   * How an offer ended: the one on the screen, or, where it is mended or undone, the one taken last. Called before the
   * action that ended it is told.
   */
  ended(ending: Ending, at: number): Promise<void>
  /** The person typed or took away characters behind this text. */
  acted(
    before: string,
    action: { readonly typed: string } | { readonly deleted: number },
    at: number,
  ): Promise<void>
  /** The person rests: time to learn. */
  rest(at: number): Promise<void>
  close(): Promise<void>
}

/** Nobody helps. */
export const alone: Helper = {
  begin: async () => {},
  offer: async () => undefined,
  taken: async () => {},
  ended: async () => {},
  acted: async () => {},
  rest: async () => {},
  close: async () => {},
}

export type ReplayPlan = {
  /** What is typed is measured in so many parts of equal length. */
  readonly parts: number
  /** The person rests behind so many characters, and behind every document. */
  readonly session: number
  /** Milliseconds of rest from keys before an offer may be seen; in shorter pauses none is asked for. */
  readonly wait: number
}

/** What a replay came to. */
export type Replayed = {
  readonly parts: readonly Use[]
  /** The most offers made within any hundred actions that were not kept. */
  readonly worst: number
}

/** Milliseconds of a rest. */
const REST = 600_000

/** A writer types with a helper, in time order. What each part of it came to. */
export const replay = async (
  { documents, person }: Writer,
  helper: Helper,
  plan: ReplayPlan,
): Promise<Replayed> => {
  const length = documents.reduce((s, text) => s + text.length, 0)
  const uses: Use[] = Array.from({ length: plan.parts }, () => NOTHING)
  const unwanted: number[] = [] // how many actions there had been when each was made
  let actions = 0
  let madeAt = 0
  let takenAt = 0 // when the offer that was taken last was made
  let before = 0 // characters of the documents before
  let now = 0
  for (const [d, text] of documents.entries()) {
    const today = { ...person, seed: person.seed * 1009 + d }
    const typist = typistOf(text, today)
    const actionsAlone = actionsOf(typistOf(text, today))
    await helper.begin(now)
    let rested = 0
    let shown: string | undefined // what is left of an offer
    while (!typist.done) {
      const { at, screen } = typist
      const part = Math.min(plan.parts - 1, Math.floor(((before + at) / length) * plan.parts))
      const pause = typist.pause()
      const made = shown === undefined && pause > plan.wait
      if (made) {
        shown = await helper.offer(screen, now + plan.wait)
        madeAt = actions
      }
      const offered = made && shown !== undefined
      const { act, read } = typist.act(shown)
      now += pause + read
      const mends = act.kind === 'accept' && !typist.undoing && typist.screen.length > typist.at
      const ended = async (ending: Ending): Promise<void> => {
        if (shown === undefined) return
        unwanted.push(madeAt)
        await helper.ended(ending, now)
        shown = undefined
      }
      if (act.kind === 'accept') {
        await helper.taken(screen, shown!, now)
        shown = undefined
        takenAt = madeAt
        if (mends) await helper.ended('edited', now)
      } else if (act.kind === 'dismiss') await ended('dismissed')
      else if (act.kind === 'undo') {
        unwanted.push(takenAt)
        await helper.ended('undone', now)
        await helper.acted(screen, { deleted: screen.length - typist.screen.length }, now)
      } else if (act.kind === 'delete') {
        await ended('ignored')
        await helper.acted(screen, { deleted: 1 }, now)
      } else {
        const goesOn = shown?.startsWith(act.text) && shown.length > act.text.length
        if (!goesOn) await ended('ignored')
        else shown = shown!.slice(act.text.length)
        await helper.acted(screen, { typed: act.text }, now)
      }
      actions++
      const use = uses[part]!
      uses[part] = {
        characters: use.characters + keysOf(text, at, typist.at - at),
        actions: use.actions + 1,
        alone: use.alone + actionsAlone(typist.at),
        offered: use.offered + (offered ? 1 : 0),
        accepted: use.accepted + (act.kind === 'accept' ? 1 : 0),
        edited: use.edited + (mends ? 1 : 0),
        undone: use.undone + (act.kind === 'undo' ? 1 : 0),
        dismissed: use.dismissed + (act.kind === 'dismiss' ? 1 : 0),
      }
      if (Math.floor(typist.at / plan.session) > rested && !typist.done) {
        rested = Math.floor(typist.at / plan.session)
        now += REST
        await helper.rest(now)
      }
    }
    if (shown !== undefined) {
      unwanted.push(madeAt)
      await helper.ended('ignored', now)
    }
    before += text.length
    now += REST
    await helper.rest(now)
  }
  return { parts: uses, worst: worstOf(unwanted) }
}

const worstOf = (unwanted: readonly number[]): number => {
  const sorted = unwanted.toSorted((a, b) => a - b)
  return sorted.reduce(
    (most, at, i) => Math.max(most, i + 1 - sorted.findIndex((first) => first > at - 100)),
    0,
  )
}

/** Actions of somebody who types alone up to a place, less those of the call before. */
const actionsOf =
  (typist: Typist) =>
  (at: number): number => {
    let actions = 0
    while (!typist.done && typist.at < at) {
      typist.act()
      actions++
    }
    return actions
  }
