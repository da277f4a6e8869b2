import {
  contract,
  conv2d,
  type Grid,
  gradients,
  lessThan,
  mul,
  type Program,
  sum,
  traceProgram,
} from '@lockstep/tensor'

type Shape = readonly number[]

const traced = (
  shapes: Readonly<Record<string, Shape>>,
  make: (x: Record<string, Grid<'f'>>) => Grid<'f'>,
): Program =>
  traceProgram(
    {
      state: {},
      inputs: Object.fromEntries(
        Object.entries(shapes).map(([name, shape]) => [name, { dtype: 'f32' as const, shape }]),
      ),
    },
    (_, inputs) => ({ state: {}, outputs: { y: make(inputs as Record<string, Grid<'f'>>) } }),
  )

export type Attention = {
  readonly batch: number
  readonly heads: number
  readonly places: number // T
  readonly width: number // D
}

/** Causal scores: q and k are (B, T, H, D), the result (B, H, T, T); places ahead are not computed. */
export const scores = ({ batch, heads, places, width }: Attention): Program =>
  traced({ q: [batch, places, heads, width], k: [batch, places, heads, width] }, ({ q, k }) =>
    contract('bthd,bshd->bhts', q!, k!, { guards: ({ s, t }) => [lessThan(s!, t!.add(1))] }),
  )

/** Causal values: weights are (B, H, T, T), v is (B, T, H, D), the result (B, T, H, D). */
export const values = ({ batch, heads, places, width }: Attention): Program =>
  traced({ w: [batch, heads, places, places], v: [batch, places, heads, width] }, ({ w, v }) =>
    contract('bhts,bshd->bthd', w!, v!, { guards: ({ s, t }) => [lessThan(s!, t!.add(1))] }),
  )

export type Convolution = {
  readonly batch: number
  readonly size: number // height and width
  readonly channels: number
  readonly filters: number
}

/** A padded convolution of 3 by 3, NHWC, or its gradient by the image or by the weight. */
export const convolution = (
  { batch, size, channels, filters }: Convolution,
  part: 'forward' | 'image' | 'weight',
): Program => {
  const x = [batch, size, size, channels]
  const weight = [3, 3, channels, filters]
  const apply = (x: Grid<'f'>, weight: Grid<'f'>): Grid<'f'> => conv2d(x, weight, { padding: 1 })
  if (part === 'forward') return traced({ x, weight }, ({ x, weight }) => apply(x!, weight!))
  return traced({ x, weight, dy: [batch, size, size, filters] }, ({ x, weight, dy }) => {
    const by = { image: x!, weight: weight! }
    return gradients(sum(mul(apply(x!, weight!), dy!)), by)[part]
  })
}

/** Floating-point operations of a program's folds; those that a causal guard leaves out count as half. */
export const flopsOf = ({ nodes }: Program): number => {
  const product = (dims: Shape): number => dims.reduce((n, d) => n * d, 1)
  return nodes.reduce(
    (n, node) =>
      node.kind === 'fold'
        ? n + (2 * product(node.shape) * product(node.box)) / (node.guards.length > 0 ? 2 : 1)
        : n,
    0,
  )
}
