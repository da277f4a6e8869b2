import { INSTRUCTIONS, type Opcode } from './instruction.ts'
import { canonicalF32, f32Bits, f32Value } from './pattern.ts'

/**
 * Operands that find wrong scalar executors: edges, hard roundings and plain random patterns, the same for everyone
 * from one integer. `index` has no operands and is tested with nodes.
 */
export type TestedOpcode = Exclude<Opcode, 'index'>
export type ScalarCase = { readonly a: number; readonly b: number; readonly c: number }

/** `count` cases for an instruction. f operands are canonical patterns; operands that it does not take are 0. */
export const scalarCases = (op: TestedOpcode, seed: number, count: number): ScalarCase[] => {
  const r = new Random(Math.imul(seed, 0x9e3779b9) ^ INSTRUCTIONS[op].code)
  const takes = INSTRUCTIONS[op].takes
  const cases: ScalarCase[] = []
  for (let i = 0; i < count; i++) {
    const [a = 0, b = 0, c = 0] = operands(op, takes, r, i)
    cases.push({ a, b, c })
  }
  return cases
}

const operands = (op: TestedOpcode, takes: string, r: Random, i: number): number[] => {
  if (op === 'const_f') return [r.float()]
  if (op === 'const_u') return [r.word()]
  if (takes.length === 1) {
    const edges = takes === 'f' ? F_EDGES : U_EDGES
    if (i < edges.length) return [edges[i]!]
  }
  const hard = HARD[op]
  if (hard && i % 2 === 0) return hard(r).map((x, k) => (takes[k] === 'f' ? canonicalF32(x) : x >>> 0))
  return [...takes].map((register) => (register === 'f' ? r.float() : r.word()))
}

/** A 32-bit counter, mixed as MurmurHash3 finalises (Appleby): all that is asked is that every place gets the same. */
export class Random {
  #state: number
  constructor(seed: number) {
    this.#state = seed
  }
  bits(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0
    let x = this.#state
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
    return (x ^ (x >>> 16)) >>> 0
  }
  /** least <= integer < end */
  between(least: number, end: number): number {
    return least + (this.bits() % (end - least))
  }
  pick<T>(from: readonly T[]): T {
    return from[this.between(0, from.length)]!
  }
  sign(): number {
    return this.pick([1, -1])
  }
  /** A binary32 pattern with this biased exponent and a random sign and fraction. */
  atExponent(biased: number): number {
    const e = Math.min(Math.max(biased, 0), 254)
    return ((this.bits() & 0x807fffff) | (e << 23)) >>> 0
  }
  float(): number {
    switch (this.between(0, 5)) {
      case 0:
        return this.pick(F_EDGES)
      case 1:
        return this.atExponent(0)
      case 2:
        return this.atExponent(this.between(110, 145))
      case 3:
        return f32Bits(this.sign() * this.between(0, 1024) * 2 ** this.between(-4, 4))
      default:
        return canonicalF32(this.bits())
    }
  }
  word(): number {
    switch (this.between(0, 4)) {
      case 0:
        return this.pick(U_EDGES)
      case 1:
        return this.bits() >>> this.between(0, 32)
      default:
        return this.bits()
    }
  }
}

const F_EDGES: readonly number[] = [
  [0x00000000, 0x00000001, 0x00000002, 0x00000003, 0x00400000, 0x007ffffe, 0x007fffff, 0x00800000], // to 2^-126
  [0x00800001, 0x00ffffff, 0x01000000, 0x01000001], // above the least normal
  [0x33000000, 0x33000001, 0x33800000, 0x33c00000, 0x387fc000, 0x387fe000, 0x38800000], // binary16 subnormals
  [0x3e800000, 0x3effffff, 0x3f000000, 0x3f000001, 0x3f7fffff, 0x3f800000, 0x3f800001, 0x3fc00000], // near 1
  [0x40000000, 0x40200000, 0x40400000, 0x40490fdb, 0x3dcccccd], // 2, 2.5, 3, pi, 0.1
  [0x3f808000, 0x3f818000, 0x3f807fff, 0x3f808001, 0x477fe000, 0x477fefff, 0x477ff000], // narrowing ties
  [0x4affffff, 0x4b000000, 0x4b7fffff, 0x4b800000, 0x4effffff, 0x4f000000, 0x4f7fffff, 0x4f800000], // integers
  [0x5f000000, 0x7effffff, 0x7f000000, 0x7f7f7fff, 0x7f7f8000, 0x7f7ffffe, 0x7f7fffff, 0x7f800000], // to infinity
]
  .flat()
  .flatMap((x) => [x, (x | 0x80000000) >>> 0])
  .concat(0x7fc00000)

const U_EDGES: readonly number[] = [
  [0, 1, 2, 3, 5, 30, 31, 32, 33, 63, 64, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x10001],
  [0x7fffff, 0x800000, 0x800001, 0xffffff, 0x1000000, 0x1000001, 0x1000002, 0x1000003, 0x2000002, 0x2000006],
  [0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fa00000, 0x7fc00000, 0x7fc00001, 0x7fffffbf, 0x7fffffc0],
  [0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0x80000080, 0x80000180, 0xaaaaaaaa, 0x55555555],
  [0xff7fffff, 0xff800000, 0xff800001, 0xffc00000, 0xffffff7f, 0xffffff80, 0xfffffffe, 0xffffffff],
].flat()

const bits = f32Bits
const value = f32Value

/** An odd integer of `width` bits: a significand that uses all of them. */
const odd = (r: Random, width: number): number => {
  const top = 2 ** (width - 1)
  return top + ((r.bits() % top) | 1)
}

const neighbours = (r: Random, pattern: number): number => pattern + r.between(0, 3) - 1

/** Two values whose exact product is half way between two binary32 numbers: 25 significant bits, the last one set. */
const tiedProduct = (r: Random): [number, number] => {
  const scale = 2 ** r.between(-30, 30)
  const width = r.pick([12, 13])
  return [r.sign() * odd(r, width) * scale, (r.sign() * odd(r, 13)) / scale]
}

/** Two values whose product is among the subnormals. */
const tinyProduct = (r: Random): [number, number] => {
  const e = r.between(1, 127)
  return [r.atExponent(e), r.atExponent(r.between(100, 130) - e)]
}

/** Two values whose product is near the largest finite number. */
const hugeProduct = (r: Random): [number, number] => {
  const e = r.between(127, 254)
  return [r.atExponent(e), r.atExponent(r.between(379, 384) - e)]
}

const HARD: { readonly [O in TestedOpcode]?: (r: Random) => number[] } = {
  fadd: (r) => nearSum(r),
  fsub: (r) => nearSum(r),
  fmul: (r) => {
    switch (r.between(0, 3)) {
      case 0:
        return tiedProduct(r).map(bits)
      case 1:
        return tinyProduct(r)
      default:
        return hugeProduct(r)
    }
  },
  fdiv: (r) => {
    const b = r.atExponent(r.between(100, 150))
    switch (r.between(0, 3)) {
      case 0: // near an exact quotient
        return [neighbours(r, bits(value(b) * odd(r, 12))), b]
      case 1: // subnormal, and tied where the divisor is a power of two
        return [r.atExponent(r.between(1, 30)), bits(r.sign() * r.pick([1, 3, 5]) * 2 ** r.between(90, 127))]
      default: // near overflow
        return [r.atExponent(r.between(250, 255)), r.atExponent(r.between(120, 128))]
    }
  },
  fsqrt: (r) => [neighbours(r, bits(odd(r, r.pick([12, 13])) ** 2 * 4 ** r.between(-40, 40)))],
  fma: (r) => {
    switch (r.between(0, 6)) {
      case 0: {
        // a tie that a far smaller addend breaks: rounding twice loses it
        const [a, b] = tiedProduct(r)
        return [bits(a), bits(b), bits(r.sign() * Math.abs(a * b) * 2 ** -r.between(26, 90))]
      }
      case 1: {
        // what is left after cancellation is the product's own rounding error
        const [a, b] = [r.atExponent(r.between(60, 190)), r.atExponent(r.between(100, 150))]
        return [a, b, neighbours(r, bits(-value(a) * value(b)))]
      }
      case 2: {
        // the addend's last bit is near the product's first
        const [a, b] = [r.atExponent(r.between(60, 190)), r.atExponent(r.between(100, 150))]
        return [a, b, bits(r.sign() * value(a) * value(b) * 2 ** r.between(20, 28))]
      }
      case 3: {
        // subnormal result
        const [a, b] = tinyProduct(r)
        return [a, b, r.atExponent(r.between(0, 3))]
      }
      case 4: {
        // a subnormal tie that a product below 2^-149 breaks
        const e = r.between(20, 100)
        return [r.atExponent(e), r.atExponent(r.between(70, 105) - e), r.atExponent(0)]
      }
      default: {
        const [a, b] = hugeProduct(r)
        return [a, b, r.atExponent(r.between(225, 255))]
      }
    }
  },
  flt: (r) => alike(r, r.float()),
  fle: (r) => alike(r, r.float()),
  feq: (r) => alike(r, r.float()),
  ult: (r) => alike(r, r.word()),
  slt: (r) => alike(r, r.word()),
  ueq: (r) => alike(r, r.word()),
  select: (r) => [r.between(0, 2) * r.bits(), r.word(), r.word()],
  f2i: (r) => [r.atExponent(r.between(124, 160))],
  f2u: (r) => [r.atExponent(r.between(124, 160))],
  i2f: (r) => [tiedInteger(r)],
  u2f: (r) => [tiedInteger(r)],
  float: (r) => [r.bits() | 0x7f800000], // every kind of NaN
  bf16: (r) => [neighbours(r, (r.bits() & 0xffff0000) | 0x8000)],
  f16: (r) => {
    const pattern = r.atExponent(r.between(100, 144))
    const dropped = Math.min(Math.max(126 - ((pattern >>> 23) & 0xff), 13), 23)
    return [neighbours(r, (pattern & -(2 ** dropped)) | (2 ** (dropped - 1)))]
  },
}

/** Exponents at most 26 apart, and cancellation. */
const nearSum = (r: Random): number[] => {
  const e = r.between(0, 255)
  const a = r.atExponent(e)
  switch (r.between(0, 3)) {
    case 0:
      return [a, neighbours(r, a ^ (r.between(0, 2) << 31))]
    case 1: // ties: a power of two that is half of a's last place
      return [a, bits(r.sign() * 2 ** (e - 127 - 24))]
    default:
      return [a, r.atExponent(e + r.between(-26, 27))]
  }
}

const alike = (r: Random, x: number): number[] => [x, r.pick([x, x ^ 0x80000000, x + 1, x - 1])]

/** An integer of more than 24 bits at or next to half way between two binary32 numbers. */
const tiedInteger = (r: Random): number => {
  const width = r.between(25, 33)
  const x = odd(r, 25) * 2 ** (width - 25)
  return neighbours(r, r.between(0, 2) ? x : -x)
}
