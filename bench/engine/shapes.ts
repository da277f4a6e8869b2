import { f32Tensor } from '@lockstep/models'
import {
  contract,
  conv1d,
  conv2d,
  type Grid,
  type Program,
  type Runner,
  traceProgram,
} from '@lockstep/tensor'
import { alternate, median, type Row } from '../row.ts'
import { pattern } from './pattern.ts'
import type { Context, Section } from './section.ts'
import { squareProduct } from './square-product.ts'

type Shape = readonly number[]
type Make = (a: Grid<'f'>, b: Grid<'f'>) => Grid<'f'>

/**
 * Products that are not large and square, and convolutions: each against what binds it, the rate of a large product or
 * the copy bandwidth for the bytes that it must move.
 */
const CASES: readonly (readonly [what: string, a: Shape, b: Shape, make: Make])[] = [
  ...[1, 8, 32].map((m) => skinny(m)),
  [
    'scores of attention, 32 of 128x128x64',
    [32, 128, 64],
    [32, 128, 64],
    (a, b) => contract('bik,bjk->bij', a, b),
  ],
  [
    'values of attention, 32 of 128x64x128',
    [32, 128, 128],
    [32, 128, 64],
    (a, b) => contract('bik,bkj->bij', a, b),
  ],
  ['batched, 16 of 64x64x64', [16, 64, 64], [16, 64, 64], (a, b) => contract('bik,bkj->bij', a, b)],
  [
    'conv2d 3x3, 8 of 32x32, 64 to 64',
    [8, 32, 32, 64],
    [3, 3, 64, 64],
    (a, b) => conv2d(a, b, { padding: 1 }),
  ],
  [
    'conv2d 3x3 stride 2, 8 of 32x32, 64 to 128',
    [8, 32, 32, 64],
    [3, 3, 64, 128],
    (a, b) => conv2d(a, b, { padding: 1, stride: 2 }),
  ],
  ['conv2d 1x1, 8 of 16x16, 256 to 256', [8, 16, 16, 256], [1, 1, 256, 256], (a, b) => conv2d(a, b)],
  ['conv1d of 3, 8 of 256, 128 to 128', [8, 256, 128], [3, 128, 128], (a, b) => conv1d(a, b, { padding: 1 })],
]

function skinny(m: number): (typeof CASES)[number] {
  return [`skinny ${m}x2048x2048`, [m, 2048], [2048, 2048], (a, b) => contract('ik,kj->ij', a, b)]
}

export const section: Section = async (context) => {
  const rows: Row[] = []
  for (const threads of [1, 2]) {
    const executor = await context.executor({ threads })
    const large = await squareProduct(executor, context.quick ? 512 : 1024)
    for (const [what, a, b, make] of context.quick ? CASES.slice(0, 2) : CASES) {
      const program = traceProgram(
        { state: {}, inputs: { a: { dtype: 'f32', shape: a }, b: { dtype: 'f32', shape: b } } },
        (_, { a, b }) => ({ state: {}, outputs: { c: make(a as Grid<'f'>, b as Grid<'f'>) } }),
      )
      const inputs = [a, b].map((shape, i) => f32Tensor(shape, pattern(i + 1, size(shape))))
      const runner = await executor.compile(program, inputs)
      runner.load([])
      await runner.step(2)
      const name = `${what}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`
      rows.push(await bound(context, name, program, runner, large, threads, context.quick ? 512 : 1024))
      runner.close()
    }
    large.close()
  }
  return rows
}

const bound = async (
  { ceilings, rounds }: Context,
  what: string,
  program: Program,
  runner: Runner,
  large: Runner,
  threads: number,
  side: number,
): Promise<Row> => {
  const flops = program.nodes.reduce(
    (n, node) => (node.kind === 'fold' ? n + 2 * size(node.shape) * size(node.box) : n),
    0,
  )
  const out = program.nodes.at(-1)!
  const bytes = 4 * [...program.inputs, out].reduce((n, { shape }) => n + size(shape), 0)
  const repeats = Math.max(1, Math.round(5e8 / flops))
  const [ours, theirs] = await alternate(rounds, [() => runner.step(repeats), () => large.step()])
  const rate = (2 * side ** 3) / median(theirs!)
  const copy = 1e9 * ceilings.copy[threads - 1]!
  const [byRate, byCopy] = [flops / rate, bytes / copy]
  const least = Math.max(byRate, byCopy)
  const took = median(ours!) / repeats
  return {
    ...{ what, ours: flops / took / 1e9, unit: 'GFLOP/s' },
    ...{ against: byRate > byCopy ? 'large product' : 'copy bandwidth', theirs: flops / least / 1e9 },
    ...{ ratio: least / took, target: 0.8, met: least / took >= 0.8 },
  }
}

const size = (shape: Shape): number => shape.reduce((n, d) => n * d, 1)
