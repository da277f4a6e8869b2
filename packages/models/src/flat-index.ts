import { index, type U, u32 } from '@lockstep/tensor'

/** The row-major position of the element at hand in a grid of this shape: for use inside a map. */
export const flatIndex = (shape: readonly number[]): U =>
  shape.reduce<U>((flat, extent, d) => (d === 0 ? index(0) : flat.mul(extent).add(index(d))), u32(0))
