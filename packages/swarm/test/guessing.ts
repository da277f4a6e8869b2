import type { Family } from '../src/tasks/family.ts'

/** What answers earn that know the family and the level, but not the prompt. */

export type Measured = { readonly seeds: number; readonly levels: readonly number[] }

export type Guessing = {
  /** Mean score of the best blind guess at the level where it earns most, and that level. */
  readonly blind: number
  readonly blindLevel: number
  /** Mean score of the solution of another seed, over all levels. */
  readonly other: number
  /** Longest prompt and solution, characters. */
  readonly prompt: number
  readonly answer: number
  /** Steps of the word machine for an answer: the solution, or the guess that took most. */
  readonly meanSteps: number
  readonly mostSteps: number
  /** Different prompts at level 0 among the seeds. */
  readonly distinct: number
}

/** Seeds of the guessing: all different from those that other tests use. */
const seedOf = (i: number): number => 1_000_003 * (i + 1)

export const measure = (family: Family, { seeds, levels }: Measured): Guessing => {
  let [blind, blindLevel, other, prompt, answer, total, most, runs] = [0, 0, 0, 0, 0, 0, 0, 0]
  for (const level of levels) {
    const tasks = Array.from({ length: seeds }, (_, i) => family.play(seedOf(i), level))
    const solutions = tasks.map((task) => task.solution)
    for (const guess of guesses(solutions)) {
      const mean = average(solutions.map((_, i) => family.run(seedOf(i), level, guess).score))
      if (mean > blind) [blind, blindLevel] = [mean, level]
    }
    tasks.forEach((task, i) => {
      other += family.run(seedOf(i), level, solutions[(i + 1) % seeds]!).score
      prompt = Math.max(prompt, task.prompt.length)
      answer = Math.max(answer, task.solution.length)
      const steps = family.steps(seedOf(i), level, task.solution)
      total += steps
      runs++
      most = Math.max(most, steps)
    })
  }
  const distinct = new Set(Array.from({ length: 2000 }, (_, i) => family.play(seedOf(i), 0).prompt)).size
  return {
    blind,
    blindLevel,
    other: other / runs,
    prompt,
    answer,
    meanSteps: total / runs,
    mostSteps: most,
    distinct,
  }
}

/**
 * Blind guesses at a level: its most frequent solutions, and for every length the text that has the most frequent
 * character at each place.
 */
const guesses = (solutions: readonly string[]): string[] => {
  const frequent = byFrequency(solutions).slice(0, 4)
  const longest = Math.max(...solutions.map((s) => s.length))
  const places = Array.from(
    { length: longest },
    (_, at) => byFrequency(solutions.flatMap((s) => s[at] ?? []))[0] ?? '',
  )
  const lengths = byFrequency(solutions.map((s) => String(s.length))).slice(0, 4)
  return [...new Set([...frequent, ...lengths.map((n) => places.slice(0, Number(n)).join('')), places[0]!])]
}

const byFrequency = (items: readonly string[]): string[] => {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1]).map(([item]) => item)
}

const average = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
