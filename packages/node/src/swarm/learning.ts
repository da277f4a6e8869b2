import { appendFile } from 'node:fs/promises'
import { type Arrived, draws, PURPOSE } from '@lockstep/swarm'
import type { Tensor } from '@lockstep/tensor'
import { ANSWER, type Inside } from './inside.ts'
import type { Keep } from './keep.ts'
import { agreementOf, rewardsOf, type SwarmMetrics } from './metrics.ts'
import type { RoundView } from './view.ts'

/**
 * Learns from a round that was answered, and writes the line of its metrics. The new model is on the disk before it counts.
 * @returns The model's state after it
 */
export const learnFrom = async (
  inside: Inside,
  keep: Keep,
  state: readonly Tensor[],
  round: RoundView,
  bytes: number,
): Promise<{ readonly state: readonly Tensor[]; readonly metrics: SwarmMetrics }> => {
  const { own, hearing, learner, arithmetic, account, manifest } = inside
  const mine = own.at(round.round)!
  // In an order of their own: what is learned follows from what was heard, not from when.
  const heard = hearing
    .groups(round.round)
    .filter(({ participant }) => participant !== account)
    .toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))
  const drawn = draws(arithmetic.seedOf(round), PURPOSE.choice, round.round, mine.seat)
  const { state: after, ...learned } = await learner.learn(state, mine.groups, heard, drawn)
  await keep.saveModel(round.round, learner.encode(after))
  const { learned: last, rounds } = own.now()
  await own.save({
    learned: round.round,
    rounds: rounds.map((one) => (one.round === round.round ? { ...one, groups: [] } : one)),
  })
  await keep.dropModel(last)
  const others = [...round.entries.values()].filter(({ account: who }) => who !== account)
  const agreement = agreementOf(
    mine.texts[ANSWER]!,
    others.map(({ account: who }) => hearing.answers(round.round, who, ANSWER) ?? []),
  )
  const metrics: SwarmMetrics = {
    ...{ round: round.round, seat: mine.seat, ...learned },
    rewards: rewardsOf(manifest, learner, mine.groups),
    useful: mine.groups.filter(({ group }) => learner.isUseful(group)).length,
    ...{ heard: heard.length, refused: hearing.refused(round.round), agreement },
    ...{ tokens: mine.tokens, tokensPerSecond: (1000 * mine.tokens) / mine.milliseconds, bytes },
  }
  await appendFile(keep.metricsFile, `${JSON.stringify(metrics)}\n`)
  return { state: after, metrics }
}

const placeOf = ({ participant, group: { task } }: Arrived): string =>
  `${participant} ${task.family} ${task.level} ${task.seed}`
