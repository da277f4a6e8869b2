/**
 * The machine's binary32 arithmetic in WGSL, made of 32-bit integer operations alone, so that it is the same on every
 * device: docs/numerics.md, "Scalar instructions". All values are patterns; a NaN is always the one NaN.
 *
 * The method is that of every software implementation of IEEE 754: significands are aligned in a wider word whose last
 * bit gathers ("jams") whatever is shifted out, so that one rounding at the end sees on which side of a midpoint the
 * exact value lies.
 */

/** Functions by name, with the functions that each of them calls. */
export type Library = Readonly<Record<string, { readonly needs: readonly string[]; readonly text: string }>>

export const SOFT: Library = {
  canon: {
    needs: [],
    text: `fn canon(a: u32) -> u32 { return select(a, 0x7fc00000u, (a & 0x7fffffffu) > 0x7f800000u); }`,
  },
  is_nan: {
    needs: [],
    text: `fn is_nan(a: u32) -> bool { return (a & 0x7fffffffu) > 0x7f800000u; }`,
  },
  jam: {
    needs: [],
    text: `
// m shifted right by s, at least 0; the last bit is set where a set bit is lost.
fn jam(m: u32, s: u32) -> u32 {
  if (s == 0u) { return m; }
  if (s > 31u) { return u32(m != 0u); }
  return (m >> s) | u32((m << (32u - s)) != 0u);
}`,
  },
  // E is the biased exponent that m would have with its highest bit at 31
  pack: {
    needs: ['jam'],
    text: `
fn pack(sign: u32, exponent: i32, m: u32) -> u32 {
  if (m == 0u) { return sign; }
  let n = countLeadingZeros(m);
  var e = exponent - i32(n);
  var s = m << n;
  if (e >= 255) { return sign | 0x7f800000u; }
  if (e < 1) {
    s = jam(s, u32(1 - e));
    e = 1;
  }
  let rest = s & 0xffu;
  var kept = s >> 8u;
  kept += u32(rest > 0x80u || (rest == 0x80u && (kept & 1u) == 1u));
  return sign | ((u32(e - 1) << 23u) + kept);
}`,
  },
  // a significand with its highest bit at 31 (0 for zero), and the biased exponent that belongs to it
  part: {
    needs: [],
    text: `
struct Part { e: i32, m: u32 }
fn part(a: u32) -> Part {
  let e = (a >> 23u) & 0xffu;
  let f = a & 0x7fffffu;
  if (e != 0u) { return Part(i32(e), (f | 0x800000u) << 8u); }
  if (f == 0u) { return Part(0, 0u); }
  let n = countLeadingZeros(f);
  return Part(9 - i32(n), f << n);
}`,
  },
  wide: {
    needs: [],
    text: `
// the 64-bit product: low word, high word
fn wide(a: u32, b: u32) -> vec2<u32> {
  let a0 = a & 0xffffu; let a1 = a >> 16u;
  let b0 = b & 0xffffu; let b1 = b >> 16u;
  let low = a0 * b0;
  let cross = a0 * b1;
  let other = a1 * b0;
  let middle = (low >> 16u) + (cross & 0xffffu) + (other & 0xffffu);
  return vec2<u32>((low & 0xffffu) | (middle << 16u), a1 * b1 + (cross >> 16u) + (other >> 16u) + (middle >> 16u));
}`,
  },
  jam_wide: {
    needs: [],
    text: `
fn jam_wide(v: vec2<u32>, s: u32) -> vec2<u32> {
  if (s == 0u) { return v; }
  if (s > 63u) { return vec2<u32>(u32((v.x | v.y) != 0u), 0u); }
  if (s > 31u) {
    let t = s - 32u;
    let lost = v.x | select(0u, v.y << ((32u - t) & 31u), t != 0u);
    return vec2<u32>((v.y >> t) | u32(lost != 0u), 0u);
  }
  return vec2<u32>((v.x >> s) | (v.y << (32u - s)) | u32((v.x << (32u - s)) != 0u), v.y >> s);
}`,
  },
  fadd: {
    needs: ['is_nan', 'part', 'jam', 'pack'],
    text: `
fn soft_fadd(a: u32, b: u32) -> u32 {
  if (is_nan(a) || is_nan(b)) { return 0x7fc00000u; }
  let x = a & 0x7fffffffu; let y = b & 0x7fffffffu;
  if (x == 0x7f800000u) { return select(a, 0x7fc00000u, y == 0x7f800000u && a != b); }
  if (y == 0x7f800000u) { return b; }
  if (x == 0u) { return select(b, a & b, y == 0u); }
  if (y == 0u) { return a; }
  let swap = y > x;
  let big = select(a, b, swap);
  let small = select(b, a, swap);
  let p = part(big); let q = part(small);
  let m = p.m >> 1u;
  let n = jam(q.m >> 1u, u32(p.e - q.e));
  let subtract = ((a ^ b) >> 31u) == 1u;
  if (subtract && m == n) { return 0u; }
  return pack(big & 0x80000000u, p.e + 1, select(m + n, m - n, subtract));
}`,
  },
  fmul: {
    needs: ['is_nan', 'part', 'wide', 'pack'],
    text: `
fn soft_fmul(a: u32, b: u32) -> u32 {
  if (is_nan(a) || is_nan(b)) { return 0x7fc00000u; }
  let sign = (a ^ b) & 0x80000000u;
  let x = a & 0x7fffffffu; let y = b & 0x7fffffffu;
  if (x == 0x7f800000u || y == 0x7f800000u) { return select(sign | 0x7f800000u, 0x7fc00000u, x == 0u || y == 0u); }
  let p = part(a); let q = part(b);
  let m = wide(p.m, q.m);
  return pack(sign, p.e + q.e - 126, m.y | u32(m.x != 0u));
}`,
  },
  fma: {
    needs: ['is_nan', 'part', 'wide', 'jam_wide', 'pack'],
    text: `
fn soft_fma(a: u32, b: u32, c: u32) -> u32 {
  if (is_nan(a) || is_nan(b) || is_nan(c)) { return 0x7fc00000u; }
  let sign = (a ^ b) & 0x80000000u;
  let x = a & 0x7fffffffu; let y = b & 0x7fffffffu; let z = c & 0x7fffffffu;
  if (x == 0x7f800000u || y == 0x7f800000u) {
    if (x == 0u || y == 0u) { return 0x7fc00000u; }
    let infinite = sign | 0x7f800000u;
    return select(infinite, 0x7fc00000u, z == 0x7f800000u && c != infinite);
  }
  if (z == 0x7f800000u) { return c; }
  if (x == 0u || y == 0u) { return select(c, sign & c, z == 0u); }
  let p = part(a); let q = part(b); let r = part(c);
  var m = wide(p.m, q.m);
  // both in frames of 63 bits; e is the biased exponent of a highest bit at 63
  m = vec2<u32>((m.x >> 1u) | (m.y << 31u), m.y >> 1u);
  var e = p.e + q.e - 126 + 1;
  var s = sign;
  if (z != 0u) {
    var n = vec2<u32>(r.m << 31u, r.m >> 1u);
    let d = e - (r.e + 1);
    if (d >= 0) { n = jam_wide(n, u32(d)); } else { m = jam_wide(m, u32(-d)); e = r.e + 1; }
    if (((sign ^ c) & 0x80000000u) == 0u) {
      let low = m.x + n.x;
      m = vec2<u32>(low, m.y + n.y + u32(low < m.x));
    } else {
      let less = m.y < n.y || (m.y == n.y && m.x < n.x);
      let u = select(m, n, less); let v = select(n, m, less);
      s = select(sign, sign ^ 0x80000000u, less);
      m = vec2<u32>(u.x - v.x, u.y - v.y - u32(u.x < v.x));
      if ((m.x | m.y) == 0u) { return 0u; }
    }
  }
  if (m.y == 0u) { return pack(s, e - 32, m.x); }
  let k = countLeadingZeros(m.y);
  let high = select((m.y << k) | (m.x >> ((32u - k) & 31u)), m.y, k == 0u);
  return pack(s, e - i32(k), high | u32((m.x << k) != 0u));
}`,
  },
  fdiv: {
    needs: ['is_nan', 'part', 'pack'],
    text: `
fn soft_fdiv(a: u32, b: u32) -> u32 {
  if (is_nan(a) || is_nan(b)) { return 0x7fc00000u; }
  let sign = (a ^ b) & 0x80000000u;
  let x = a & 0x7fffffffu; let y = b & 0x7fffffffu;
  if (x == 0x7f800000u) { return select(sign | 0x7f800000u, 0x7fc00000u, y == 0x7f800000u); }
  if (y == 0x7f800000u) { return sign; }
  if (y == 0u) { return select(sign | 0x7f800000u, 0x7fc00000u, x == 0u); }
  if (x == 0u) { return sign; }
  let p = part(a); let q = part(b);
  var rest = p.m >> 8u;
  let divisor = q.m >> 8u;
  var quotient = 0u;
  for (var i = 0u; i < 28u; i++) {
    quotient <<= 1u;
    if (rest >= divisor) { rest -= divisor; quotient |= 1u; }
    rest <<= 1u;
  }
  return pack(sign, p.e - q.e + 131, quotient | u32(rest != 0u));
}`,
  },
  fsqrt: {
    needs: ['is_nan', 'part', 'pack'],
    text: `
fn soft_fsqrt(a: u32) -> u32 {
  if (is_nan(a)) { return 0x7fc00000u; }
  if ((a & 0x7fffffffu) == 0u) { return a; }
  if ((a >> 31u) == 1u) { return 0x7fc00000u; }
  if (a == 0x7f800000u) { return a; }
  let p = part(a);
  let e = p.e - 127;
  let odd = u32(e & 1);
  let m = (p.m >> 7u) << odd; // 26 bits: two of the radicand at a time, zeros after them
  var rest = 0u;
  var root = 0u;
  for (var i = 0u; i < 26u; i++) {
    let next = select(0u, (m >> ((24u - 2u * i) & 31u)) & 3u, i < 13u);
    rest = (rest << 2u) | next;
    let trial = (root << 2u) | 1u;
    root <<= 1u;
    if (rest >= trial) { rest -= trial; root |= 1u; }
  }
  return pack(0u, (e - i32(odd)) / 2 + 133, root | u32(rest != 0u));
}`,
  },
  order: {
    needs: [],
    text: `
// numbers in the order of integers; both zeros are 0
fn order(a: u32) -> i32 { return select(i32(a), -i32(a & 0x7fffffffu), (a >> 31u) == 1u); }`,
  },
  flt: {
    needs: ['is_nan', 'order'],
    text: `fn soft_flt(a: u32, b: u32) -> u32 { return u32(!is_nan(a) && !is_nan(b) && order(a) < order(b)); }`,
  },
  fle: {
    needs: ['is_nan', 'order'],
    text: `fn soft_fle(a: u32, b: u32) -> u32 { return u32(!is_nan(a) && !is_nan(b) && order(a) <= order(b)); }`,
  },
  feq: {
    needs: ['is_nan', 'order'],
    text: `fn soft_feq(a: u32, b: u32) -> u32 { return u32(!is_nan(a) && !is_nan(b) && order(a) == order(b)); }`,
  },
  f2u: {
    needs: ['is_nan'],
    text: `
fn soft_f2u(a: u32) -> u32 {
  if (is_nan(a) || (a >> 31u) == 1u) { return 0u; }
  let e = a >> 23u;
  if (e < 127u) { return 0u; }
  if (e > 158u) { return 0xffffffffu; }
  return (((a & 0x7fffffu) | 0x800000u) << 8u) >> (158u - e);
}`,
  },
  f2i: {
    needs: ['is_nan'],
    text: `
fn soft_f2i(a: u32) -> u32 {
  if (is_nan(a)) { return 0u; }
  let negative = (a >> 31u) == 1u;
  let e = (a >> 23u) & 0xffu;
  if (e < 127u) { return 0u; }
  if (e > 157u) { return select(0x7fffffffu, 0x80000000u, negative); }
  let m = (((a & 0x7fffffu) | 0x800000u) << 8u) >> (158u - e);
  return select(m, 0u - m, negative);
}`,
  },
  u2f: {
    needs: ['pack'],
    text: `fn soft_u2f(a: u32) -> u32 { return pack(0u, 158, a); }`,
  },
  i2f: {
    needs: ['pack'],
    text: `fn soft_i2f(a: u32) -> u32 { return pack(a & 0x80000000u, 158, select(a, 0u - a, (a >> 31u) == 1u)); }`,
  },
  to_bf16: {
    needs: ['is_nan'],
    text: `
fn to_bf16(a: u32) -> u32 { return select((a + 0x7fffu + ((a >> 16u) & 1u)) >> 16u, 0x7fc0u, is_nan(a)); }`,
  },
  from_bf16: {
    needs: ['canon'],
    text: `fn from_bf16(h: u32) -> u32 { return canon(h << 16u); }`,
  },
  to_f16: {
    needs: ['is_nan'],
    text: `
fn to_f16(a: u32) -> u32 {
  if (is_nan(a)) { return 0x7e00u; }
  let sign = (a >> 16u) & 0x8000u;
  let x = a & 0x7fffffffu;
  if (x >= 0x477ff000u) { return sign | 0x7c00u; } // 65520, half way to 65536
  if (x >= 0x38800000u) { return sign | ((x - 0x38000000u + 0xfffu + ((x >> 13u) & 1u)) >> 13u); }
  let dropped = 126u - (x >> 23u);
  if (dropped > 24u) { return sign; }
  let m = (x & 0x7fffffu) | 0x800000u;
  let kept = m >> dropped;
  let rest = m & ((1u << dropped) - 1u);
  let half = 1u << (dropped - 1u);
  return sign | (kept + u32(rest > half || (rest == half && (kept & 1u) == 1u)));
}`,
  },
  from_f16: {
    needs: ['pack'],
    text: `
fn from_f16(h: u32) -> u32 {
  let sign = (h & 0x8000u) << 16u;
  let e = (h >> 10u) & 31u;
  let f = h & 0x3ffu;
  if (e == 31u) { return select(sign | 0x7f800000u, 0x7fc00000u, f != 0u); }
  if (e == 0u) { return pack(sign, 134, f); }
  return sign | ((e + 112u) << 23u) | (f << 13u);
}`,
  },
  bf16: {
    needs: ['to_bf16', 'from_bf16'],
    text: `fn soft_bf16(a: u32) -> u32 { return from_bf16(to_bf16(a)); }`,
  },
  f16: {
    needs: ['to_f16', 'from_f16'],
    text: `fn soft_f16(a: u32) -> u32 { return from_f16(to_f16(a)); }`,
  },
  umulhi: {
    needs: ['wide'],
    text: `fn soft_umulhi(a: u32, b: u32) -> u32 { return wide(a, b).y; }`,
  },
}

/** The text of these functions and of all that they call, each once, callees first. */
export const libraryText = (library: Library, names: Iterable<string>): string => {
  const done = new Set<string>()
  const texts: string[] = []
  const take = (name: string): void => {
    if (done.has(name)) return
    done.add(name)
    const entry = library[name]
    if (!entry) throw new Error(`no function ${name}`)
    entry.needs.forEach(take)
    texts.push(entry.text.trim())
  }
  for (const name of names) take(name)
  return texts.join('\n')
}
