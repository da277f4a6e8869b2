import type { Coding } from '../learn/coding.ts'
import { promptTokens } from '../learn/generate.ts'
import type { Families, SwarmTask } from '../learn/group.ts'
import type { Lesson } from '../learn/lesson.ts'
import { isOn } from '../tasks/split.ts'

/** A text that a swarm has come to for one of its tasks. */
export type ResolvedAnswer = { readonly task: SwarmTask; readonly text: string }

/** What one member has written to some tasks, an answer to each. */
export type Written = readonly { readonly text: string; readonly ended: boolean }[]

/**
 * One answer to each task out of those of all members, `written[m][t]`: that with the most weight, where a member weighs
 * the sum of its scores over all tasks, as a vote of the game does; of equal ones that of the first member. `right` keeps
 * only answers that score 100, `resolved` takes what the swarm believes. A task with no such answer has none.
 */
export const resolveAnswers = (
  families: Families,
  tasks: readonly SwarmTask[],
  written: readonly Written[],
  keep: 'right' | 'resolved',
): ResolvedAnswer[] => {
  const scores = written.map((of) =>
    of.map(({ text, ended }, t) => {
      const { family, seed, level } = tasks[t]!
      return ended ? families.get(family)!.run(seed, level, text).score : 0
    }),
  )
  const weights = scores.map((of) => of.reduce((a, b) => a + b, 0))
  return tasks.flatMap((task, t) => {
    const votes = new Map<string, number>()
    for (const [m, of] of written.entries()) {
      const { text, ended } = of[t]!
      if (!ended || text === '' || (keep === 'right' && scores[m]![t] !== 100)) continue
      votes.set(text, (votes.get(text) ?? 0) + weights[m]!)
    }
    let most: readonly [text: string | undefined, weight: number] = [undefined, 0]
    for (const [text, weight] of votes) if (weight > most[1]) most = [text, weight]
    return most[0] === undefined ? [] : [{ task, text: most[0] }]
  })
}

/**
 * Answers that a swarm's rounds have left, in the one order that everybody puts them in, each once: those to tasks of the
 * training side that score 100. What else there is among them, or in which order, changes nothing.
 */
export const rightAnswers = (families: Families, given: readonly ResolvedAnswer[]): ResolvedAnswer[] => {
  const found = new Map<string, ResolvedAnswer>()
  for (const { task, text } of given) {
    const family = families.get(task.family)
    if (family === undefined || !isWhole(task.level, family.levels) || !isWhole(task.seed, 2 ** 32)) continue
    if (!isOn('train', family, task.seed, task.level)) continue
    if (family.run(task.seed, task.level, text).score !== 100) continue
    const { family: name, seed, level } = task
    found.set(JSON.stringify([name, level, seed, text]), { task: { family: name, seed, level }, text })
  }
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
}

const isWhole = (n: number, below: number): boolean => Number.isInteger(n) && n >= 0 && n < below

/** Resolved answers in a student's own tokens; those that are too long for it are left out. */
export const studentLessons = (
  families: Families,
  answers: readonly ResolvedAnswer[],
  { coding, prompt, answer }: { readonly coding: Coding; readonly prompt: number; readonly answer: number },
): Lesson[] =>
  answers.flatMap(({ task: { family, seed, level }, text }) => {
    const asked = families.get(family)!.play(seed, level).prompt
    const tokens = Uint32Array.of(...coding.encode(text), coding.end)
    if (coding.encode(asked).length + 1 > prompt || tokens.length > answer) return []
    return [{ prompt: promptTokens(coding, asked, prompt), answer: tokens, advantage: 1 }]
  })
