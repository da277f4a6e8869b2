import { draws, PURPOSE } from '../learn/draws.ts'
import type { Families, SwarmTask } from '../learn/group.ts'
import { seedOn } from '../tasks/split.ts'

/** A kind of task that a swarm learns from: a family at a level. */
export type TaskKind = { readonly family: string; readonly level: number }

/**
 * The tasks that are a participant's own in a round: everybody draws the same ones from the swarm's seed, the round and the
 * participant's number, so that nobody chooses easy tasks, answers another's, or the held-out ones.
 */
export const ownTasks = (
  families: Families,
  kinds: readonly TaskKind[],
  { seed, round, member, count }: OwnTasks,
): SwarmTask[] => {
  const drawn = draws(seed, PURPOSE.task, round, member)
  return Array.from({ length: count }, () => {
    const { family, level } = kinds[drawn.below(kinds.length)]!
    return { family, level, seed: seedOn('train', families.get(family)!, level, drawn.word()) }
  })
}
export type OwnTasks = {
  readonly seed: number // the swarm's
  readonly round: number
  readonly member: number // the participant's number in the swarm
  readonly count: number
}

export const sameTask = (a: SwarmTask, b: SwarmTask): boolean =>
  a.family === b.family && a.seed === b.seed && a.level === b.level
