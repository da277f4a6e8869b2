import { f32Bits, f32Value, Random, type ScalarCase } from '@lockstep/tensor'

/**
 * Operands of a multiply-add at every exponent at which the exact sum lies on a midpoint of two binary32 numbers or next to one, is
 * nothing, or is only what the product's rounding leaves: whoever loses a bit anywhere rounds some of them wrongly.
 */
export const hardSums = (seed: number, count: number): ScalarCase[] => {
  const r = new Random(seed)
  return Array.from({ length: count }, () => {
    const [a, b] = factors(r)
    const product = f32Value(a) * f32Value(b) // exact in binary64 but where it is far below the least binary32
    switch (r.between(0, 4)) {
      case 0: {
        const near = f32Bits(product)
        const next = f32Value(near + r.between(0, 2) * 2 - 1)
        const middle = (f32Value(near) + next) / 2
        return { a, b, c: neighbour(r, f32Bits(middle - product)) }
      }
      case 1:
        return { a, b, c: f32Bits(-product) }
      case 2:
        return { a, b, c: neighbour(r, f32Bits(-product)) }
      default:
        return { a, b, c: r.atExponent(r.between(0, 255)) }
    }
  })
}

/** Significands of 12, 13 or 24 bits, so that products are short, half way, or long; any exponents with a product in range. */
const factors = (r: Random): [number, number] => {
  const [long, other] = r.pick([
    [0xfff, 0x7ff],
    [0x7ff, 0x7ff],
    [0, 0],
    [0, 0],
  ] as const)
  const sum = r.between(90, 385)
  const e = r.between(Math.max(1, sum - 254), Math.min(255, sum))
  return [(r.atExponent(e) & ~long) >>> 0, (r.atExponent(sum - e) & ~other) >>> 0]
}

/** The pattern or one beside it; never a NaN. */
const neighbour = (r: Random, pattern: number): number => {
  const magnitude = Math.min(Math.max((pattern & 0x7fffffff) + r.between(0, 3) - 1, 0), 0x7f800000)
  return ((pattern & 0x80000000) | magnitude) >>> 0
}
