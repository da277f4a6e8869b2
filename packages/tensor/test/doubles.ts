import type { Grid } from '../src/front/grid.ts'
import { isSource, type Lookup, spaceOf, type Vertex, type WordLookup } from '../src/front/vertex.ts'
import type { Affine } from '../src/node.ts'
import type { Formula } from '../src/scalar/formula.ts'
import type { Opcode } from '../src/scalar/instruction.ts'

/**
 * The traced graph in JS doubles: an opinion of its own on what grids, views and folds mean, precise enough for
 * finite differences. Numbers are never rounded; elementary functions are those of Math.
 */
export type Values = (source: { kind: 'state' | 'input'; name: string; size: number }) => ArrayLike<number>

export const evaluate = (grids: readonly Grid[], values: Values): number[][] => {
  const known = new Map<Vertex, ArrayLike<number>>()
  const dataOf = (v: Vertex): ArrayLike<number> => {
    let data = known.get(v)
    if (!data) {
      data = isSource(v) ? values({ kind: v.kind, name: v.name, size: count(v.shape) }) : compute(v, dataOf)
      known.set(v, data)
    }
    return data
  }
  return grids.map((g) => points(g.shape).map((p) => lookUp(g.lookup, p, dataOf)))
}

const count = (shape: readonly number[]): number => shape.reduce((n, e) => n * e, 1)
const points = (shape: readonly number[]): number[][] =>
  shape.reduce<number[][]>(
    (all, e) => all.flatMap((p) => Array.from({ length: e }, (_, i) => [...p, i])),
    [[]],
  )
const at = (a: Affine, p: readonly number[]): number =>
  a.terms.reduce((total, t) => total + t.by * p[t.at]!, a.base)
const flat = (coords: readonly number[], view: readonly number[]): number =>
  coords.reduce((n, c, d) => n * view[d]! + c, 0)

const wordAt = (w: WordLookup, p: readonly number[], dataOf: (v: Vertex) => ArrayLike<number>): number =>
  dataOf(w.source)[
    flat(
      w.coords.map((a) => at(a, p)),
      w.view,
    )
  ]!

const view32 = new DataView(new ArrayBuffer(4))
const lookUp = (l: Lookup, p: readonly number[], dataOf: (v: Vertex) => ArrayLike<number>): number => {
  const coords = l.coords.map((c, d) =>
    'word' in c ? Math.min(wordAt(c.word, p, dataOf), l.view[d]! - 1) : at(c, p),
  )
  if (coords.some((c, d) => c < 0 || c >= l.view[d]!)) {
    if (l.pad === undefined) throw new Error(`out of bounds: ${coords} in ${l.view}`)
    if (l.source.dtype === 'u32' || l.source.dtype === 'u8') return l.pad
    view32.setUint32(0, l.pad)
    return view32.getFloat32(0)
  }
  const value = dataOf(l.source)[flat(coords, l.view)]
  if (value === undefined) throw new Error(`nothing at ${coords} of ${l.view}`)
  return value
}

const compute = (
  v: Exclude<Vertex, { kind: 'state' | 'input' }>,
  dataOf: (v: Vertex) => ArrayLike<number>,
): number[] => {
  const space = spaceOf(v)
  if (v.kind === 'map')
    return points(v.shape).map((p) =>
      apply(
        v.formula,
        v.reads.map((r) => lookUp(r, p, dataOf)),
        p,
      ),
    )
  const outer = v.kind === 'scan' ? v.shape.slice(0, v.shape.length - v.box.length) : v.shape
  const result: number[] = []
  for (const out of points(outer)) {
    let acc = 0
    if (v.kind !== 'blocked' && typeof v.init !== 'number') acc = lookUp(v.init, out, dataOf)
    else if (v.step.args[0] === 'f') {
      view32.setUint32(0, v.init as number)
      acc = view32.getFloat32(0)
    } else acc = v.init as number
    for (const k of points(v.box)) {
      const p = [...out, ...k]
      if (p.length !== space.length) throw new Error('space')
      const side = (s: Affine | { word: WordLookup }) => ('word' in s ? wordAt(s.word, p, dataOf) : at(s, p))
      const holds = v.guards.every((g) =>
        g.test === 'lt' ? side(g.left) < side(g.right) : side(g.left) === side(g.right),
      )
      if (holds) acc = apply(v.step, [acc, ...v.reads.map((r) => lookUp(r, p, dataOf))], p)
      if (v.kind === 'scan') result.push(acc)
    }
    if (v.kind !== 'scan') result.push(acc)
  }
  return result
}

const u = (x: number): number => x >>> 0
const bit = (x: boolean): number => (x ? 1 : 0)
const INSTRUCTIONS: { [O in Exclude<Opcode, 'const_f' | 'const_u' | 'index'>]: (...x: number[]) => number } =
  {
    fadd: (a, b) => a! + b!,
    fsub: (a, b) => a! - b!,
    fmul: (a, b) => a! * b!,
    fdiv: (a, b) => a! / b!,
    fsqrt: (a) => Math.sqrt(a!),
    fma: (a, b, c) => a! * b! + c!,
    fneg: (a) => -a!,
    fabs: (a) => Math.abs(a!),
    flt: (a, b) => bit(a! < b!),
    fle: (a, b) => bit(a! <= b!),
    feq: (a, b) => bit(a! === b!),
    uadd: (a, b) => u(a! + b!),
    usub: (a, b) => u(a! - b!),
    umul: (a, b) => u(Math.imul(a!, b!)),
    umulhi: (a, b) => Number((BigInt(a!) * BigInt(b!)) >> 32n),
    and: (a, b) => u(a! & b!),
    or: (a, b) => u(a! | b!),
    xor: (a, b) => u(a! ^ b!),
    shl: (a, b) => u(a! << b!),
    shr: (a, b) => a! >>> b!,
    sar: (a, b) => u((a! | 0) >> b!),
    ult: (a, b) => bit(a! < b!),
    slt: (a, b) => bit((a! | 0) < (b! | 0)),
    ueq: (a, b) => bit(a === b),
    select: (c, a, b) => (c ? a! : b!),
    f2i: (a) => u(Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(a!)))),
    f2u: (a) => Math.max(0, Math.min(2 ** 32 - 1, Math.trunc(a!))),
    i2f: (a) => a! | 0,
    u2f: (a) => a!,
    bits: (a) => {
      view32.setFloat32(0, a!)
      return view32.getUint32(0)
    },
    float: (a) => {
      view32.setUint32(0, a!)
      return view32.getFloat32(0)
    },
    bf16: (a) => a!,
    f16: (a) => a!,
  }

/** erf by its series, which converges fast enough for the small arguments of tests. */
const erf = (x: number): number => {
  let term = x
  let total = x
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / n
    total += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * total
}
const FUNCTIONS: { readonly [name: string]: (...x: number[]) => number } = {
  exp: (x) => Math.exp(x!),
  exp2: (x) => 2 ** x!,
  expm1: (x) => Math.expm1(x!),
  log: (x) => Math.log(x!),
  log2: (x) => Math.log2(x!),
  log1p: (x) => Math.log1p(x!),
  tanh: (x) => Math.tanh(x!),
  sin: (x) => Math.sin(x!),
  cos: (x) => Math.cos(x!),
  erf: (x) => erf(x!),
  pow: (x, y) => x! ** y!,
  sigmoid: (x) => 1 / (1 + Math.exp(-x!)),
  softplus: (x) => Math.log1p(Math.exp(x!)),
  rsqrt: (x) => 1 / Math.sqrt(x!),
}

const apply = (formula: Formula, args: readonly number[], point: readonly number[]): number => {
  const values = [...args]
  for (const step of formula.code) {
    if (!('args' in step)) {
      if (step.op === 'index') values.push(point[step.immediate]!)
      else if (step.op === 'const_u') values.push(step.immediate)
      else {
        view32.setUint32(0, step.immediate)
        values.push(view32.getFloat32(0))
      }
      continue
    }
    const operands = step.args.map((a) => values[a]!)
    const fn = step.op === 'call' ? FUNCTIONS[step.callee.name] : INSTRUCTIONS[step.op]
    if (!fn) throw new Error(`no double for ${step.op === 'call' ? step.callee.name : step.op}`)
    values.push(fn(...operands))
  }
  return values[formula.result]!
}
