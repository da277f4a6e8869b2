import { type Fn, type Local, V128 } from './emitter.ts'
import type { Fma } from './fma.ts'

/** The one NaN wherever a pattern becomes visible. Takes and leaves four binary32 lanes. */
export const canonical = (f: Fn, fma?: Fma): Fn => {
  const x = f.keep(V128)
  f.get(x).splat(0x7fc00000).get(x).get(x).v('f32x4.eq')
  return f.v(fma?.kind === 'fused' ? 'i32x4.relaxed_laneselect' : 'v128.bitselect')
}

/** Words whose low half is a bf16 pattern, to binary32. */
export const widenBf16 = (f: Fn): Fn => f.i32(16).v('i32x4.shl')

/** Words that are f16 patterns, to binary32: exact by a product with 2^112, except for infinities and NaNs. */
export const widenF16 = (f: Fn): Fn => {
  const h = f.keep(V128)
  const size = f.get(h).splat(0x7fff).v('v128.and').keep(V128)
  f.get(size).i32(13).v('i32x4.shl').splat(0x77800000).v('f32x4.mul')
  f.get(size).splat(0x7bff).v('i32x4.gt_s').splat(0x7f800000).v('v128.and').v('v128.or')
  return f.get(h).splat(0x8000).v('v128.and').i32(16).v('i32x4.shl').v('v128.or')
}

/** Binary32 to words that are bf16 patterns: nearest, ties to even. */
export const narrowBf16 = (f: Fn): Fn => {
  const x = f.keep(V128)
  f.get(x).splat(0x7fff).v('i32x4.add')
  f.get(x).i32(16).v('i32x4.shr_u').splat(1).v('v128.and').v('i32x4.add').i32(16).v('i32x4.shr_u')
  return f.splat(0x7fc0).get(x).get(x).v('f32x4.eq').v('v128.bitselect')
}

/** Binary32 to words that are f16 patterns: nearest, ties to even. */
export const narrowF16 = (f: Fn): Fn => {
  const x = f.keep(V128)
  const size: Local = f.get(x).splat(0x7fffffff).v('v128.and').keep(V128)
  // normal results: round at bit 13, then move the exponent; from 2^16 on, infinity
  f.splat(0x7c00)
  f.get(size)
    .splat(0xfff)
    .v('i32x4.add')
    .get(size)
    .i32(13)
    .v('i32x4.shr_u')
    .splat(1)
    .v('v128.and')
    .v('i32x4.add')
  f.splat(0x38000000).v('i32x4.sub').i32(13).v('i32x4.shr_u')
  f.get(size).splat(0x477fffff).v('i32x4.gt_s').v('v128.bitselect')
  const large = f.keep(V128)
  // subnormal results: adding one half rounds to multiples of 2^-24
  f.get(size).splat(0x3f000000).v('f32x4.add').splat(0x3f000000).v('i32x4.sub')
  f.get(large).get(size).splat(0x38800000).v('i32x4.lt_s').v('v128.bitselect')
  f.get(x).i32(16).v('i32x4.shr_u').splat(0x8000).v('v128.and').v('v128.or')
  return f.splat(0x7e00).get(x).get(x).v('f32x4.eq').v('v128.bitselect')
}
