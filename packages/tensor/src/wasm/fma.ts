import type { Microkernel } from './contraction/microkernel.ts'
import { Fn, type Local, type ModuleWriter, V128 } from './emitter.ts'

/**
 * How a kernel makes `fma`: the engine's fused instruction, or exactly in binary64 with the function below for hard
 * cases. `module` is where kernels put functions that they share; `imported` the microkernel that it imports as its
 * first function.
 */
export type Fma = ({ readonly kind: 'fused' } | { readonly kind: 'exact'; readonly fn: number }) & {
  readonly module: ModuleWriter
  readonly imported?: Microkernel | undefined
  /** How many threads share the kernels' units. */
  readonly threads: number
}

/** Takes a, b, c from the stack and leaves a * b + c with one rounding, in four lanes. */
export const emitFma = (f: Fn, fma: Fma): Fn => {
  if (fma.kind === 'fused') return f.v('f32x4.relaxed_madd')
  const c = f.keep(V128)
  const b = f.keep(V128)
  const a = f.keep(V128)
  const [low, high] = sums(f, a, b, c)
  low.hazard()
  high.hazard()
  f.v('v128.or').v('v128.any_true')
  return f.ifV128(
    () => f.get(a).get(b).get(c).call(fma.fn),
    () => narrow(f, low.s, high.s),
  )
}

/**
 * The product of two binary32 numbers is exact in binary64, so only its sum with the third rounds before the final
 * rounding. Two roundings differ from one only where the sum lies on a binary32 midpoint or in the range where
 * binary32 is subnormal: `hazard` leaves a mask of those lanes (and of zeros, which cost less to redo than to test).
 */
const sums = (f: Fn, a: Local, b: Local, c: Local) => {
  const half = (high: boolean) => {
    const wide = (x: Local): Fn => {
      f.get(x)
      if (high) f.get(x).shuffleWords(2, 3, 2, 3)
      return f.v('f64x2.promote_low_f32x4')
    }
    wide(a)
    wide(b)
    const product = f.v('f64x2.mul').keep(V128)
    const addend = wide(c).keep(V128)
    const s = f.get(product).get(addend).v('f64x2.add').keep(V128)
    const hazard = (): void => {
      f.get(s).get(f.constant(0x1fffffff, 0)).v('v128.and')
      f.get(f.constant(0x10000000, 0)).v('i64x2.eq')
      f.get(s).get(f.constant(-1, 0x7fffffff)).v('v128.and')
      f.get(f.constant(0, 0x38100000)).v('f64x2.lt').v('v128.or') // below 2^-126
    }
    return { product, addend, s, hazard }
  }
  return [half(false), half(true)] as const
}

const narrow = (f: Fn, low: Local, high: Local): Fn =>
  f.get(low).v('f32x4.demote_f64x2_zero').get(high).v('f32x4.demote_f64x2_zero').shuffleWords(0, 1, 4, 5)

/** fma in every case: the sum is rounded to odd, which a second rounding respects. */
export const exactFma = (): Fn => {
  const f = new Fn([V128, V128, V128], [V128])
  const halves = sums(f, 0, 1, 2)
  for (const { product, addend, s } of halves) {
    const part = f.get(s).get(product).v('f64x2.sub').keep(V128)
    f.get(product).get(s).get(part).v('f64x2.sub').v('f64x2.sub')
    const error = f.get(addend).get(part).v('f64x2.sub').v('f64x2.add').keep(V128)
    f.get(s)
    // one unit towards the error: -1 or +1 on the pattern, where its low bit does not make it odd already
    f.get(error).get(s).v('v128.xor').i32(63).v('i64x2.shr_s').words(1, 0, 1, 0).v('v128.or')
    f.get(error).v('f64x2.abs').splat(0).v('f64x2.gt').v('v128.and')
    f.get(s).words(1, 0, 1, 0).v('v128.and').splat(0).v('i64x2.eq').v('v128.and')
    f.v('i64x2.add').set(s)
  }
  return narrow(f, halves[0].s, halves[1].s)
}
