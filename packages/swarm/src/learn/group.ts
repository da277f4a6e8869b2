import type { Family } from '../tasks/family.ts'

/** A family at a seed and a level: whoever knows these knows the prompt and can score any answer. */
export type SwarmTask = { readonly family: string; readonly seed: number; readonly level: number }

/** An answer to a task, and what its family gives for it. */
export type Rollout = {
  readonly text: string // printable ASCII
  readonly ended: boolean // whether it came to its end; one that was cut off scores 0
  readonly score: number // integer, 0 to 100
}

/** Answers to one task, which are measured against each other. */
export type Group = {
  readonly task: SwarmTask
  readonly prompt: string
  readonly rollouts: readonly Rollout[]
}

export type Families = ReadonlyMap<string, Family>

export const familyTable = (families: readonly Family[]): Families =>
  new Map(families.map((family) => [family.name, family]))

/** The group of some answers to a task, each scored by the task's family. */
export const scoredGroup = (
  family: Pick<Family, 'name' | 'play' | 'run'>,
  { seed, level }: Pick<SwarmTask, 'seed' | 'level'>,
  answers: readonly { readonly text: string; readonly ended: boolean }[],
): Group => {
  const known = new Map<string, number>()
  const scoreOf = (text: string): number => {
    const score = known.get(text) ?? family.run(seed, level, text).score
    known.set(text, score)
    return score
  }
  const { prompt } = family.play(seed, level)
  const rollouts = answers.map(({ text, ended }) => ({ text, ended, score: ended ? scoreOf(text) : 0 }))
  return { task: { family: family.name, seed, level }, prompt, rollouts }
}

/**
 * n * sum of squares - square of the sum: n^2 times the variance of a group's scores, an integer. Groups of 0 teach
 * nothing, as every answer is as good as the others.
 */
export const spread = ({ rollouts }: Group): number => {
  let [sum, squares] = [0, 0]
  for (const { score } of rollouts) {
    sum += score
    squares += score * score
  }
  return rollouts.length * squares - sum * sum
}

/** Keeps the advantage of a group whose answers hardly differ within bounds. */
const EPSILON = 1e-4

/**
 * How much better than its group each answer is: (reward - mean) / (standard deviation + 1e-4) of rewards score / 100,
 * rounded to binary32 at the end (Shao et al., 2024). All 0 where all scores are equal.
 */
export const advantages = (group: Group): Float32Array<ArrayBuffer> => {
  const n = group.rollouts.length
  const mean = group.rollouts.reduce((sum, { score }) => sum + score, 0) / n
  const deviation = Math.sqrt(spread(group)) / n
  return Float32Array.from(group.rollouts, ({ score }) => (score - mean) / 100 / (deviation / 100 + EPSILON))
}

/** The group with rewards for right answers only: what scores less than 100 earns nothing. */
export const onlyRight = (group: Group): Group => ({
  ...group,
  rollouts: group.rollouts.map((one) => ({ ...one, score: one.score === 100 ? 100 : 0 })),
})

/** The mean reward of a group's answers, 0 to 1. */
export const meanReward = ({ rollouts }: Group): number =>
  rollouts.reduce((sum, { score }) => sum + score, 0) / rollouts.length / 100
