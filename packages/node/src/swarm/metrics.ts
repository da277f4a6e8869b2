import type { SwarmManifest } from '@lockstep/client'
import type { Learner, OwnGroup } from './learner.ts'

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

/** The mean rewards of a participant's own groups, in the order of the manifest's families. */
export const rewardsOf = (
  manifest: SwarmManifest,
  learner: Pick<Learner, 'reward'>,
  groups: readonly OwnGroup[],
): SwarmMetrics['rewards'] =>
  manifest.families.flatMap(({ family, level }) => {
    const some = groups.filter(({ group: { task } }) => task.family === family && task.level === level)
    if (some.length === 0) return []
    const reward = some.reduce((sum, { group }) => sum + learner.reward(group), 0) / some.length
    return [{ family, level, reward, answers: some.length * manifest.learning.groupSize }]
  })

/** Of others' answers to a round's tasks, the part that equals the own; null where none was heard. */
export const agreementOf = (
  own: readonly string[],
  others: readonly (readonly string[])[],
): number | null => {
  const all = others.flatMap((texts) => texts.map((text, i) => text === own[i]))
  return all.length === 0 ? null : all.filter(Boolean).length / all.length
}
