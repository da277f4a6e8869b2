import { appendFile } from 'node:fs/promises'
import { type Arrived, observeLevels, scoresOf, spread } from '@lockstep/swarm'
import { ANSWER, type Inside } from './inside.ts'
import type { Keep, OwnRound } from './keep.ts'
import { agreementOf, rewarded, rewardsOf, type SwarmMetrics } from './metrics.ts'
import type { Taught, Teaching } from './model-work.ts'
import type { RoundView } from './view.ts'

/** What a model is to learn from a round that was answered: its own groups, and those that were heard by now. */
export const teachingOf = (inside: Inside, keep: Keep, round: RoundView): Teaching => {
  const { own, hearing, arithmetic, account } = inside
  const mine = own.at(round)!
  return {
    ...{ seed: arithmetic.seedOf(round), round: round.round, seat: mine.seat, own: mine.groups },
    by: { participant: account, swarm: inside.swarm },
    // In an order of their own: what is learned follows from what was heard, not from when.
    others: hearing
      .groups(round.round)
      .filter(({ participant }) => participant !== account)
      .toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1)),
    into: keep.draftFile(round.round),
  }
}

/**
 * Makes what was learned from a round the participant's model, and writes the line of its metrics. The model is on the disk
 * before it counts, and its levels follow the same scores.
 */
export const keepLearned = async (
  inside: Inside,
  keep: Keep,
  round: RoundView,
  { root: _, receipt, ...taught }: Taught,
  bytes: number,
): Promise<SwarmMetrics> => {
  const { own, hearing, account, manifest } = inside
  const mine = own.at(round)!
  if (receipt !== undefined) await keep.saveReceipt(round.round, receipt)
  await keep.keepModel(round.round)
  inside.tell({ event: 'saved', what: 'model', round: round.round })
  const { learned: last, levels, rounds } = own.now()
  await own.save({
    learned: round.round,
    levels: observeLevels(manifest.families, levels, scoresByKind(inside, round, mine)),
    rounds: rounds.map((one) => (one.round === round.round ? { ...one, groups: [] } : one)),
  })
  await keep.dropModel(last)
  const others = [...round.entries.values()].filter(({ account: who }) => who !== account)
  const agreement = agreementOf(
    mine.texts[ANSWER]!,
    others.map(({ account: who }) => hearing.answers(round.round, who, ANSWER) ?? []),
  )
  const heard = hearing.groups(round.round).filter(({ participant }) => participant !== account)
  const metrics: SwarmMetrics = {
    ...{ round: round.round, seat: mine.seat, ...taught },
    rewards: rewardsOf(manifest, mine.groups),
    useful: mine.groups.filter(({ group }) => spread(rewarded(manifest, group)) > 0).length,
    ...{ heard: heard.length, refused: hearing.refused(round.round), agreement },
    ...{ tokens: mine.tokens, tokensPerSecond: (1000 * mine.tokens) / mine.milliseconds, bytes },
  }
  await appendFile(keep.metricsFile, `${JSON.stringify(metrics)}\n`)
  return metrics
}

const placeOf = ({ participant, group: { task } }: Arrived): string =>
  `${participant} ${task.family} ${task.level} ${task.seed}`
/**
 * The scores of own tasks in their order, as the level controller sees them; a task that could not be read scores 0. Of those
 * that refill a round only the answered ones count, since most are never come to.
 */
const scoresByKind = (
  { arithmetic, manifest }: Inside,
  round: RoundView,
  { seat, groups }: OwnRound,
): readonly { readonly kind: number; readonly scores: readonly number[] }[] =>
  arithmetic.ownTasksOf(round, seat).flatMap(({ kind, draw }, at) => {
    const found = groups.find(({ group: { task } }) => arithmetic.isOwn(task, { kind, draw }))
    const none = new Array<number>(manifest.learning.groupSize).fill(0)
    if (found === undefined && at >= manifest.learning.groups) return []
    return { kind, scores: found === undefined ? none : scoresOf(rewarded(manifest, found.group)) }
  })
