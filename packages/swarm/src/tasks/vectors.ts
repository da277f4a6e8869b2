import { toHex } from '@lockstep/proof'
import { families } from './families.ts'
import type { Family } from './family.ts'
import { familyRoot } from './score-task.ts'

/** Tasks of each family in the golden vectors: seed and level. */
const TASKS: readonly (readonly [seed: number, level: number])[] = [
  [1, 0],
  [0x12345678, 5],
  [0xffffffff, 10],
  [2 ** 53 - 1, 15],
]

/** The golden vectors of vectors/families.json: what every family is, asks and takes for right. */
export const familyVectors = (): string => {
  const rows = families.flatMap((family) => {
    const head = { family: family.name, root: toHex(familyRoot(family)) }
    return [head, ...TASKS.map(([seed, level]) => rowOf(family, seed, level))]
  })
  return `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`
}

/** A task with the scores of its solution, of the solution without its last character, and of one with two at the end. */
const rowOf = (family: Family, seed: number, level: number) => {
  const { prompt, solution } = family.play(seed, level)
  const scores = [solution, solution.slice(0, -1), solution + solution.at(-1)!].map(
    (answer) => family.run(seed, level, answer).score,
  )
  return { seed, level, prompt, solution, scores }
}
