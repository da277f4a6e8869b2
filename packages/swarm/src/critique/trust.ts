import { BEST } from '../game/rules.ts'
import type { Judgement } from './judgement.ts'

/** A judgement of an earlier round whose answer's score everybody has recomputed since. */
export type Judged = { readonly judgement: Judgement; readonly right: boolean }

/** As many judgements count for half: who has said little is trusted little. */
const HALF = 16

/**
 * How far a judge is to be trusted by what it said before, 0 to 1: by how much its judgements were nearer to what came out,
 * in mean square (Brier, 1950), than saying for every answer how many of them were right; 0 where they were not. A judge
 * of few judgements is trusted in proportion.
 */
export const trustOf = (history: readonly Judged[]): number => {
  const n = history.length
  if (n === 0) return 0
  const overall = history.filter(({ right }) => right).length / n
  const plain = overall * (1 - overall)
  if (plain === 0) return 0
  const missed =
    history.reduce((sum, { judgement, right }) => sum + (judgement / BEST - (right ? 1 : 0)) ** 2, 0) / n
  return Math.max(0, 1 - missed / plain) * (n / (n + HALF))
}
