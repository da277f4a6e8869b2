/**
 * The level controller of one family: from scores to the level of the next task. It keeps a participant, or a
 * swarm that shares the scores, at the edge of what it can do: above `high` the tasks teach nothing, below
 * `low` hardly any answer is rewarded. Integers only and no hidden input, so whoever sees the same scores in
 * the same order has the same level; the state is plain data that a checkpoint stores.
 */
export type LevelRule = {
  /** Scores that are weighed together before the level can move. */
  readonly window: number
  /** Mean score (0..100) below which the level falls by one. */
  readonly low: number
  /** Mean score (0..100) above which it rises by one. */
  readonly high: number
  /** The highest level. */
  readonly top: number
}

export const LEVEL_RULE: LevelRule = { window: 64, low: 40, high: 70, top: 15 }

export type LevelState = {
  readonly level: number
  /** Scores in the window that is being filled, and their sum. */
  readonly seen: number
  readonly total: number
  /** Windows above `high` in a row. */
  readonly above: number
  /** Whether the level above was lost: then it asks for two windows in a row, else for one. */
  readonly lost: boolean
}

export const firstLevel = (level = 0): LevelState => ({ level, seen: 0, total: 0, above: 0, lost: false })

/** The state after these scores (integers 0..100), in order; how they are cut into calls changes nothing. */
export const observe = (
  state: LevelState,
  scores: Iterable<number>,
  rule: LevelRule = LEVEL_RULE,
): LevelState => {
  let now = state
  for (const score of scores) {
    if (!Number.isInteger(score) || score < 0 || score > 100) {
      throw new RangeError(`score ${score} is not an integer of 0..100; hand in what a family's run returned`)
    }
    now = { ...now, seen: now.seen + 1, total: now.total + score }
    if (now.seen >= rule.window) now = weigh(now, rule)
  }
  return now
}

/** A full window moves the level by one or not at all, and the next window starts. */
const weigh = (state: LevelState, rule: LevelRule): LevelState => {
  const { level, seen, total, lost } = state
  const next = { level, seen: 0, total: 0, above: 0, lost }
  if (total < rule.low * seen && level > 0) return { ...next, level: level - 1, lost: true }
  if (total <= rule.high * seen || level >= rule.top) return next
  const above = state.above + 1
  return above < (lost ? 2 : 1) ? { ...next, above } : { ...next, level: level + 1, lost: false }
}
