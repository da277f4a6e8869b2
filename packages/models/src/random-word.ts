import { philox, type U } from '@lockstep/tensor'

/** Inside a map: the first word of the Philox counter (place, step, 0, 0) under the key (seed, salt). */
export const randomWord = (place: U, step: U, seed: U, salt: number): U =>
  philox([place, step, 0, 0], [seed, salt])[0]
