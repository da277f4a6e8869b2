import {
  type Affine,
  type FoldNode,
  type MapNode,
  type NamedType,
  type Node,
  type Program,
  type Read,
  type Ref,
  size,
  traceScalar,
  unwrap,
  validateProgram,
} from '@lockstep/tensor'

/**
 * One training step of a transformer of 10^8 parameters, as a program: the shapes, the number of items and the lengths
 * of the folds are those of the real thing. Nobody runs it: disputes about it are played over tensors that are made up
 * element by element (vast-source.ts).
 */

const LAYERS = 12
const WIDTH = 768
const INNER = 3072
const WORDS = 19_700
const TOKENS = 1024

const at = (...terms: readonly (readonly [at: number, by: number])[]): Affine => ({
  base: 0,
  terms: terms.map(([index, by]) => ({ at: index, by })),
})
const minusZero = 0x80000000
const sum = traceScalar(['f', 'f'], (a, b) => a.add(b))
const halve = traceScalar(['f'], (v) => v.mul(0.5))
const dot = traceScalar(['f', 'f', 'f'], (acc, a, b) => a.fma(b, acc))

const named: NamedType[] = []
const parameter = (name: string, ...shape: number[]): number => {
  for (const part of ['', '.m', '.v']) named.push({ name: `${name}${part}`, dtype: 'f32', shape })
  return named.length - 3
}

const nodes: Node[] = []
type Value = { readonly ref: Ref; readonly shape: readonly number[] }
const state = (index: number): Value => ({ ref: { from: 'state', index }, shape: named[index]!.shape })
const push = (node: Node): Value => {
  nodes.push(node)
  return { ref: { from: 'node', index: nodes.length - 1 }, shape: node.shape }
}

/** Elementwise over values of one shape, or of its last axis. */
const map = (program: MapNode['program'], shape: readonly number[], ...values: readonly Value[]): Value =>
  push({
    kind: 'map',
    dtype: 'f32',
    shape,
    reads: values.map(({ ref, shape: from }): Read => {
      const skip = shape.length - from.length
      return { ref, dtype: 'f32', view: from, coords: from.map((_, d) => at([d + skip, 1])) }
    }),
    program,
  })
const add = (a: Value, b: Value): Value => map(sum, a.shape, a, b)
const times = (a: Value, b: Value): Value =>
  map(
    traceScalar(['f', 'f'], (x, y) => x.mul(y)),
    a.shape,
    a,
    b,
  )

/** (M, N) of sums over K: which axis of each value is summed is said by the strides of its view. */
const product = (a: Value, b: Value, sumA: 0 | 1, sumB: 0 | 1): Value => {
  const [m, k] = sumA === 1 ? [a.shape[0]!, a.shape[1]!] : [a.shape[1]!, a.shape[0]!]
  const n = b.shape[1 - sumB]!
  const read = ({ ref, shape }: Value, out: number, summed: 0 | 1): Read => ({
    ref,
    dtype: 'f32',
    view: shape,
    coords: summed === 1 ? [at([out, 1]), at([2, 1])] : [at([2, 1]), at([out, 1])],
  })
  return push({
    kind: 'fold',
    dtype: 'f32',
    shape: [m, n],
    box: [k],
    reads: [read(a, 0, sumA), read(b, 1, sumB)],
    guards: [],
    step: dot,
    order: { kind: 'blocked', init: minusZero, combine: sum },
  } satisfies FoldNode)
}

/** Sums over the first axis (of tokens) or the last one. */
const total = (a: Value, axis: 0 | 1): Value =>
  push({
    kind: 'fold',
    dtype: 'f32',
    shape: [a.shape[1 - axis]!],
    box: [a.shape[axis]!],
    reads: [
      {
        ref: a.ref,
        dtype: 'f32',
        view: a.shape,
        coords: axis === 0 ? [at([1, 1]), at([0, 1])] : [at([0, 1]), at([1, 1])],
      },
    ],
    guards: [],
    step: sum,
    order: { kind: 'blocked', init: minusZero, combine: sum },
  })

/** A value per token spread over the width. */
const perToken = (a: Value, b: Value): Value =>
  push({
    kind: 'map',
    dtype: 'f32',
    shape: a.shape,
    reads: [
      { ref: a.ref, dtype: 'f32', view: a.shape, coords: [at([0, 1]), at([1, 1])] },
      { ref: b.ref, dtype: 'f32', view: b.shape, coords: [at([0, 1])] },
    ],
    program: traceScalar(['f', 'f'], (x, y) => x.div(y)),
  })

const gradients = new Map<number, Value>()
const embedding = parameter('embedding', WORDS, WIDTH)
const positions = parameter('positions', TOKENS, WIDTH)

const normed = (x: Value, gain: number): Value =>
  times(
    perToken(
      x,
      map(
        traceScalar(['f'], (v) => v.sqrt()),
        [TOKENS],
        total(times(x, x), 1),
      ),
    ),
    state(gain),
  )

/** Forward and backward of one linear layer, with its gradients; the backward value is that of its input. */
const linear = (
  x: Value,
  weight: number,
  bias: number,
): { readonly y: Value; readonly back: (d: Value) => Value } => {
  const y = add(product(x, state(weight), 1, 0), state(bias))
  return {
    y,
    back: (d) => {
      gradients.set(weight, product(x, d, 0, 0))
      gradients.set(bias, total(d, 0))
      return product(d, state(weight), 1, 1)
    },
  }
}

let x = map(
  traceScalar(['f'], (v) => v.mul(1)),
  [TOKENS, WIDTH],
  state(positions),
)
const backwards: ((d: Value) => Value)[] = []
for (let layer = 0; layer < LAYERS; layer++) {
  const weights = (name: string, rows: number, columns: number) => ({
    weight: parameter(`${layer}.${name}`, rows, columns),
    bias: parameter(`${layer}.${name}.bias`, columns),
  })
  const block = (gainName: string, inner: string[], widths: number[]): void => {
    const gain = parameter(`${layer}.${gainName}`, WIDTH)
    const before = x
    const n = normed(before, gain)
    const backs: ((d: Value) => Value)[] = []
    let h = n
    inner.forEach((name, i) => {
      const { weight, bias } = weights(name, widths[i]!, widths[i + 1]!)
      const { y, back } = linear(h, weight, bias)
      backs.push(back)
      h = map(halve, y.shape, y)
      const kept = h
      backs.push((d) => times(d, kept))
    })
    x = add(before, h)
    backwards.push((d) => {
      let g = d
      for (const back of backs.toReversed()) g = back(g)
      gradients.set(gain, total(times(g, n), 0))
      return add(d, g)
    })
  }
  block('attention.gain', ['query', 'key', 'value', 'projection'], [WIDTH, WIDTH, WIDTH, WIDTH, WIDTH])
  block('inner.gain', ['up', 'down'], [WIDTH, INNER, WIDTH])
}
const last = x
const logits = product(last, state(embedding), 1, 1)
const dLogits = map(
  traceScalar(['f'], (v) => v.mul(0.001)),
  logits.shape,
  logits,
)

/** The gradient of the embedding: (19700, 768), each a sum over 1024 tokens. The node that is disputed. */
const embeddingGradient = product(dLogits, last, 0, 0)
gradients.set(embedding, embeddingGradient)
let d = product(dLogits, state(embedding), 1, 0)
for (const back of backwards.toReversed()) d = back(d)
gradients.set(positions, d)

const next: Ref[] = []
const moment = traceScalar(['f', 'f'], (m, g) => g.mul(0.1).fma(1, m.mul(0.9)))
const square = traceScalar(['f', 'f'], (v, g) => g.mul(g).fma(0.001, v.mul(0.999)))
const update = traceScalar(['f', 'f', 'f'], (w, m, v) => w.sub(m.div(v.sqrt().add(1e-8)).mul(0.001)))
for (let p = 0; p < named.length; p += 3) {
  const g = gradients.get(p)!
  const m = map(moment, g.shape, state(p + 1), g)
  const v = map(square, g.shape, state(p + 2), g)
  next.push(map(update, g.shape, state(p), m, v).ref, m.ref, v.ref)
}
const loss = total(
  map(
    traceScalar(['f', 'f'], (a, b) => a.mul(b)),
    [TOKENS, WIDTH],
    last,
    last,
  ),
  1,
)

export const vastProgram: Program = unwrap(
  validateProgram({
    state: named,
    inputs: [{ name: 'salt', dtype: 'f32', shape: [1] }],
    nodes,
    next,
    outputs: [{ name: 'loss', ref: loss.ref }],
  }),
)

export const vastParameters = named
  .filter((_, i) => i % 3 === 0)
  .reduce((count, { shape }) => count + size(shape), 0)

export const VAST = { steps: 1_000_000, segmentLength: 1000, node: embeddingGradient.ref.index } as const
