import { philox } from '@lockstep/models'

/**
 * Chance of one person: a number in [0, 1) from where in the text, what for and the how-manieth time. It depends on
 * nothing else, so the same person slips at the same places whoever helps.
 */
export type Chance = (at: number, what: number, time?: number) => number

export const chanceOf = (seed: number): Chance => {
  const out = new Uint32Array(4)
  return (at, what, time = 0) => {
    philox(out, [at, what, time, 0], [seed, 0x74797069])
    return (out[0]! >>> 8) / 2 ** 24
  }
}
