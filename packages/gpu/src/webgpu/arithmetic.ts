import { type Library, libraryText, SOFT } from './soft-float.ts'

/**
 * How a device computes one operation: by its own instruction; by that instruction where operands and result are normal
 * numbers; by its own instructions where all that happens is known to be exact or rounded once; or by integers alone. The
 * second and the third way, which are the same but for a multiply-add, take integers elsewhere.
 */
export type Way = 'native' | 'fused' | 'guarded' | 'integer'
export type Floating = 'fadd' | 'fmul' | 'fdiv' | 'fsqrt' | 'fma'
export const FLOATING: readonly Floating[] = ['fadd', 'fmul', 'fdiv', 'fsqrt', 'fma']

/** What the printer is told: a way for every operation that a device may round wrongly. A difference is a sum. */
export type Arithmetic = { readonly [O in Floating]: Way }

export const everywhere = (way: Way): Arithmetic => ({
  fadd: way,
  fmul: way,
  fdiv: way,
  fsqrt: way,
  fma: way,
})
export const INTEGERS: Arithmetic = everywhere('integer')

/**
 * Operands and results of native operations pass through an exclusive or with a word that is zero, which only the run
 * knows, so that no compiler sees two operations side by side, which it could contract or reorder, nor a constant, by
 * which it could divide by multiplying.
 */
const HIDDEN: Library = {
  hidden: {
    needs: [],
    text: `fn hidden(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) ^ places[15].w); }`,
  },
  value: { needs: [], text: `fn value(a: u32) -> f32 { return bitcast<f32>(a ^ places[15].w); }` },
  pattern: {
    needs: ['canon'],
    text: `fn pattern(x: f32) -> u32 { return canon(bitcast<u32>(x) ^ places[15].w); }`,
  },
  // neither zero nor subnormal nor infinite nor a NaN
  plain: {
    needs: [],
    text: `fn plain(a: u32) -> bool { return ((a >> 23u) & 0xffu) - 1u < 254u; }`,
  },
  // such a number that no device gives for a result out of range, which may be flushed or the largest number
  inner: {
    needs: [],
    text: `fn inner(a: u32) -> bool { return ((a >> 23u) & 0xffu) - 2u < 252u; }`,
  },
}

const NATIVE: Library = {
  native_fadd: {
    needs: ['pattern', 'value'],
    text: `fn native_fadd(a: u32, b: u32) -> u32 { return pattern(value(a) + value(b)); }`,
  },
  native_fmul: {
    needs: ['pattern', 'value'],
    text: `fn native_fmul(a: u32, b: u32) -> u32 { return pattern(value(a) * value(b)); }`,
  },
  native_fdiv: {
    needs: ['pattern', 'value'],
    text: `fn native_fdiv(a: u32, b: u32) -> u32 { return pattern(value(a) / value(b)); }`,
  },
  native_fsqrt: {
    needs: ['pattern', 'value'],
    text: `fn native_fsqrt(a: u32) -> u32 { return pattern(sqrt(value(a))); }`,
  },
  native_fma: {
    needs: ['pattern', 'value'],
    text: `fn native_fma(a: u32, b: u32, c: u32) -> u32 { return pattern(fma(value(a), value(b), value(c))); }`,
  },
}

/** Where operands and result are plain, a device that is right about plain numbers is asked; integers elsewhere. */
const guardedTwo = (op: 'fadd' | 'fmul' | 'fdiv'): Library[string] => ({
  needs: [`native_${op}`, op, 'plain', 'inner'],
  text: `
fn guarded_${op}(a: u32, b: u32) -> u32 {
  if (plain(a) && plain(b)) {
    let r = native_${op}(a, b);
    if (inner(r)) { return r; }
  }
  return soft_${op}(a, b);
}`,
})

const GUARDED: Library = {
  // A multiply-add that rounds once is right for such numbers even where subnormals are zero.
  fused_fma: {
    needs: ['native_fma', 'fma', 'plain', 'inner'],
    text: `
fn fused_fma(a: u32, b: u32, c: u32) -> u32 {
  if (plain(a) && plain(b) && (plain(c) || (c << 1u) == 0u)) {
    let r = native_fma(a, b, c);
    if (inner(r)) { return r; }
  }
  return soft_fma(a, b, c);
}`,
  },
  guarded_fadd: guardedTwo('fadd'),
  guarded_fmul: guardedTwo('fmul'),
  guarded_fdiv: guardedTwo('fdiv'),
  guarded_fsqrt: {
    needs: ['native_fsqrt', 'fsqrt', 'plain'],
    text: `
fn guarded_fsqrt(a: u32) -> u32 {
  if (plain(a) && a < 0x7f800000u) { return native_fsqrt(a); }
  return soft_fsqrt(a);
}`,
  },
  // After Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to odd"
  // (2008): the product and its sum with c are split into a rounded part and its error; both errors are added to odd.
  // Exponents are such that every nonzero number on the way is at least 2^-103 and at most 2^95.
  guarded_fma: {
    needs: ['hidden', 'value', 'pattern', 'fma', 'plain'],
    text: `
fn sum_error(a: f32, b: f32, s: f32) -> f32 {
  let v = hidden(s - a);
  return hidden(hidden(a - hidden(s - v)) + hidden(b - v));
}
fn within(a: u32) -> bool { return ((a >> 23u) & 0xffu) - 70u < 150u; }
fn guarded_fma(a: u32, b: u32, c: u32) -> u32 {
  let e = ((a >> 23u) & 0xffu) + ((b >> 23u) & 0xffu);
  if (plain(a) && plain(b) && e - 197u < 150u && within(a) && within(b) && (within(c) || (c << 1u) == 0u)) {
    let x = value(a); let y = value(b); let z = value(c);
    let xh = value(a & 0xfffff000u); let yh = value(b & 0xfffff000u);
    let xl = hidden(x - xh); let yl = hidden(y - yh);
    let p = hidden(x * y);
    let q = hidden(hidden(xl * yl) - hidden(hidden(hidden(p - hidden(xh * yh)) - hidden(xl * yh)) - hidden(xh * yl)));
    let v = hidden(p + z);
    let w = sum_error(p, z, v);
    var s = hidden(w + q);
    let lost = sum_error(w, q, s);
    let bits = bitcast<u32>(s);
    if (lost != 0.0 && (bits & 1u) == 0u) {
      // toward the exact value: away from zero where what was lost has the same sign
      s = bitcast<f32>(select(bits - 1u, bits + 1u, (lost > 0.0) == (s > 0.0)));
    }
    let r = pattern(v + s);
    if (plain(r)) { return r; }
  }
  return soft_fma(a, b, c);
}`,
  },
}

const ALL: Library = { ...SOFT, ...HIDDEN, ...NATIVE, ...GUARDED }

/** The WGSL function for an operation, and its name in the library. */
export const floatingName = (op: Floating, way: Way): { readonly name: string; readonly call: string } => {
  if (way === 'integer') return { name: op, call: `soft_${op}` }
  const name = `${way === 'fused' && op !== 'fma' ? 'guarded' : way}_${op}`
  return { name, call: name }
}

/** The text of the functions that a kernel uses. A kernel binds `places`, whose last word is zero. */
export const arithmeticText = (names: Iterable<string>): string => libraryText(ALL, names)
