import type { SwarmManifest } from '@lockstep/client'
import { type Group, meanReward, onlyRight } from '@lockstep/swarm'
import type { OwnGroup } from './learner.ts'

/** What a round came to for a participant: a line of its metrics. */
export type SwarmMetrics = {
  readonly round: number
  readonly seat: number
  /** Mean reward of own answers, by family and level, with how many there were. */
  readonly rewards: readonly {
    readonly family: string
    readonly level: number
    readonly reward: number
    readonly answers: number
  }[]
  readonly useful: number // own groups that teach anything
  readonly local: number // groups that were learned from
  readonly external: number
  readonly heard: number // groups of others
  readonly refused: number // messages of others
  readonly nats: number
  readonly loss: number
  /** Of the others' answers to the round's tasks that were heard, the part that equals the own; null where none was. */
  readonly agreement: number | null
  readonly tokens: number
  readonly tokensPerSecond: number
  readonly bytes: number // sent in this round
}

/** The mean rewards of a participant's own groups, by family and level. */
export const rewardsOf = (manifest: SwarmManifest, groups: readonly OwnGroup[]): SwarmMetrics['rewards'] => {
  const kinds = new Map<string, { readonly family: string; readonly level: number; readonly of: number[] }>()
  for (const { group } of groups) {
    const { family, level } = group.task
    const kind = kinds.get(`${family} ${level}`) ?? { family, level, of: [] }
    kinds.set(`${family} ${level}`, kind)
    kind.of.push(meanReward(rewarded(manifest, group)))
  }
  return [...kinds.values()].map(({ family, level, of }) => ({
    ...{ family, level, reward: of.reduce((sum, one) => sum + one, 0) / of.length },
    answers: of.length * manifest.learning.groupSize,
  }))
}

/** A group as the swarm's rule rewards it. */
export const rewarded = ({ learning }: SwarmManifest, group: Group): Group =>
  learning.reward === 'right' ? onlyRight(group) : group

/** Of others' answers to a round's tasks, the part that equals the own; null where none was heard. */
export const agreementOf = (
  own: readonly string[],
  others: readonly (readonly string[])[],
): number | null => {
  const all = others.flatMap((texts) => texts.map((text, i) => text === own[i]))
  return all.length === 0 ? null : all.filter(Boolean).length / all.length
}
