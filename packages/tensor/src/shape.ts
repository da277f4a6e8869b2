/** Number of elements of a shape; 1 for a scalar. */
export const size = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1)

/** Coordinates of a row-major position, written into `out` from `offset`. */
export const unravel = (position: number, shape: readonly number[], out: number[], offset = 0): void => {
  let rest = position
  for (let d = shape.length - 1; d >= 0; d--) {
    const extent = shape[d]!
    out[offset + d] = rest % extent
    rest = Math.floor(rest / extent)
  }
}

export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i])
