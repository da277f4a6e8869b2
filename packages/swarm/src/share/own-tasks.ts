import { draws, PURPOSE } from '../learn/draws.ts'
import type { Families, Group, SwarmTask } from '../learn/group.ts'
import { firstLevel, LEVEL_RULE, type LevelState, observe } from '../tasks/level.ts'
import { seedOn } from '../tasks/split.ts'

/** A kind of task that a swarm learns from: a family at a level, or for own tasks at a level of a range. */
export type TaskKind = {
  readonly family: string
  readonly level: number
  /** The highest level of own tasks; `level` is the lowest, and the only one where this is absent. */
  readonly most?: number | undefined
}

/** One of a participant's own tasks, with what it was drawn from: at another level of its kind's it is `taskAt` there. */
export type OwnTask = SwarmTask & { readonly kind: number; readonly draw: number }

/**
 * The tasks that are a participant's own in a round: everybody draws the same ones from the swarm's seed, the round and the
 * participant's number, so that nobody chooses easy tasks, answers another's, or the held-out ones. Which family a task is of
 * does not depend on `levels`, the participant's own: one for each kind, the lowest of each where they are absent.
 */
export const ownTasks = (
  families: Families,
  kinds: readonly TaskKind[],
  { seed, round, member, count, levels }: OwnTasks,
): OwnTask[] => {
  const drawn = draws(seed, PURPOSE.task, round, member)
  return Array.from({ length: count }, () => {
    const kind = drawn.below(kinds.length)
    const draw = drawn.word()
    const { family, level } = { ...kinds[kind]!, ...(levels && { level: levels[kind]! }) }
    return { family, level, seed: seedOn('train', families.get(family)!, level, draw), kind, draw }
  })
}
export type OwnTasks = {
  readonly seed: number // the swarm's
  readonly round: number
  readonly member: number // the participant's number in the swarm
  readonly count: number
  readonly levels?: readonly number[] // of each kind
}

/** Which of a participant's own tasks a task is, at whatever level of its kind; -1 where it is none of them. */
export const ownTaskOf = (
  families: Families,
  kinds: readonly TaskKind[],
  own: readonly OwnTask[],
  { family, level, seed }: SwarmTask,
): number =>
  own.findIndex((mine) => {
    if (mine.family !== family) return false
    if (mine.level === level) return mine.seed === seed
    const { level: least, most = least } = kinds[mine.kind]!
    if (level < least || level > most) return false
    return seedOn('train', families.get(family)!, level, mine.draw) === seed
  })

/** Where a participant begins: at the lowest level of each kind. The controller counts from there. */
export const firstLevels = (kinds: readonly TaskKind[]): LevelState[] => kinds.map(() => firstLevel())

/** The levels of a participant's own tasks, one for each kind. */
export const levelsOf = (kinds: readonly TaskKind[], states: readonly LevelState[]): number[] =>
  kinds.map(({ level, most = level }, i) => Math.min(level + states[i]!.level, most))

/** The states after a round's own groups, in the order of their tasks: each kind follows its own scores. */
export const observeLevels = (
  kinds: readonly TaskKind[],
  states: readonly LevelState[],
  groups: readonly { readonly kind: number; readonly scores: readonly number[] }[],
): LevelState[] =>
  kinds.map(({ level, most = level }, i) => {
    const scores = groups.flatMap(({ kind, scores: some }) => (kind === i ? some : []))
    return observe(states[i]!, scores, { ...LEVEL_RULE, top: most - level })
  })

/** A group's scores, for `observeLevels`. */
export const scoresOf = ({ rollouts }: Group): number[] => rollouts.map(({ score }) => score)
