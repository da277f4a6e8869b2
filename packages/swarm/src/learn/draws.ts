import { philox } from '@lockstep/models'

/** Random words that everybody draws alike: Philox blocks of counter (n, ...of) under the key. */
export type Draws = {
  /** The next word, 0 to 2^32 - 1. */
  readonly word: () => number
  /** An integer below `count`, which is at most 2^32: the high word of a product, as in the machine. */
  readonly below: (count: number) => number
}

/** What a row of words is drawn for: the second word of its key. None of a program's own salts is among them. */
export const PURPOSE = {
  task: 0x5357_0001, // the tasks of a participant's round
  generation: 0x5357_0002, // the seed of a generation
  choice: 0x5357_0003, // which groups a participant learns from
  examples: 0x5357_0004, // the tasks of a warm start
  evaluation: 0x5357_0005, // the seed of an evaluation that samples
  verdicts: 0x5357_0006, // the lines that a judge learns from
  validation: 0x5357_0007, // the tasks that decide who is taken into a merge
  lessons: 0x5357_0008, // the tasks whose answers a student is taught
} as const

/** The words of one purpose: at most three numbers, such as a round and a participant, tell rows of words apart. */
export const draws = (seed: number, purpose: number, ...of: readonly number[]): Draws => {
  const [a = 0, b = 0, c = 0] = of
  const block = new Uint32Array(4)
  let n = 0
  const word = (): number => {
    if (n % 4 === 0) philox(block, [n / 4, a, b, c], [seed, purpose])
    return block[n++ % 4]!
  }
  return { word, below: (count) => Number((BigInt(word()) * BigInt(count)) >> 32n) }
}
