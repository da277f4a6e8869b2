import {
  ceilingLoops,
  ceilingWork,
  createWasmExecutor,
  type Executor,
  f32Bits,
  type Program,
  type Runner,
  type Tensor,
  traceScalar,
} from '@lockstep/tensor'
import { convolution, flopsOf, scores, values } from './engine/contractions.ts'
import { alternate, type Bench, ceilingRow, type Row, workRow } from './row.ts'

export type Layout = 'nn' | 'nt' | 'tn'

/** a is (m, k) or, transposed, (k, m); b is (k, n) or (n, k). */
export const product = (m: number, n: number, k: number, layout: Layout): Program => {
  const at = (i: number) => ({ base: 0, terms: [{ at: i, by: 1 }] })
  const a =
    layout === 'tn' ? { view: [k, m], coords: [at(2), at(0)] } : { view: [m, k], coords: [at(0), at(2)] }
  const b =
    layout === 'nt' ? { view: [n, k], coords: [at(1), at(2)] } : { view: [k, n], coords: [at(2), at(1)] }
  const read = (index: number, x: typeof a) => ({
    ref: { from: 'input' as const, index },
    dtype: 'f32' as const,
    ...x,
  })
  return {
    state: [],
    inputs: [a, b].map((x, i) => ({ name: 'ab'[i]!, dtype: 'f32', shape: x.view })),
    nodes: [
      {
        kind: 'fold',
        dtype: 'f32',
        shape: [m, n],
        box: [k],
        reads: [read(0, a), read(1, b)],
        guards: [],
        step: traceScalar(['f', 'f', 'f'], (acc, x, y) => x.fma(y, acc)),
        order: { kind: 'blocked', init: f32Bits(-0), combine: traceScalar(['f', 'f'], (x, y) => x.add(y)) },
      },
    ],
    next: [],
    outputs: [{ name: 'c', ref: { from: 'node', index: 0 } }],
  }
}

const tensor = (shape: readonly number[]): Tensor => ({
  dtype: 'f32',
  shape,
  data: new Uint8Array(
    Float32Array.from(
      { length: shape.reduce((n, d) => n * d, 1) },
      (_, i) => ((i * 7919) % 1000) / 1000 - 0.5,
    ).buffer,
  ),
})

const prepare = async (executor: Executor, program: Program): Promise<Runner> => {
  const runner = await executor.compile(
    program,
    program.inputs.map((t) => tensor(t.shape)),
  )
  runner.load([])
  await runner.step(2)
  return runner
}

/** Products that are not large and square, against the rate of one that is. */
const others = async (executor: Executor, rounds: number, quick: boolean): Promise<Row[]> => {
  const attention = { batch: 8, heads: 4, places: 128 }
  const image = { batch: 8, size: 28 }
  const cases: [string, Program][] = [
    ['f32 8x1024x1024 nt', product(8, 1024, 1024, 'nt')],
    ['f32 8x1024x1024 nn', product(8, 1024, 1024, 'nn')],
    ['f32 32x1024x1024 nt', product(32, 1024, 1024, 'nt')],
    ['causal scores, D 64', scores({ ...attention, width: 64 })],
    ['causal values, D 64', values({ ...attention, width: 64 })],
    ['causal values, D 32', values({ ...attention, width: 32 })],
    ...[16, 64].flatMap((channels) =>
      (['forward', 'image', 'weight'] as const).map((part): [string, Program] => [
        `3x3 on 28x28, ${channels} channels, ${part}`,
        convolution({ ...image, channels, filters: channels }, part),
      ]),
    ),
  ]
  const size = 512
  const large = await prepare(executor, product(size, size, size, 'nn'))
  const rows: Row[] = []
  for (const [what, program] of quick ? cases.slice(0, 2) : cases) {
    const runner = await prepare(executor, program)
    const flops = flopsOf(program)
    const [ours, theirs] = await alternate(rounds, [() => runner.step(), () => large.step()])
    const scaled = theirs!.map((t) => (t * flops) / (2 * size ** 3))
    rows.push(workRow(what, flops / 1e9, 'GFLOP/s', ours!, 'large product', scaled, 0.8))
    runner.close()
  }
  large.close()
  return rows
}

/**
 * Matrix products against the most that this machine's WebAssembly can do: a loop of relaxed multiply-adds that
 * touches registers only.
 */
export const bench: Bench = async ({ quick }) => {
  const rounds = quick ? 7 : 21
  const one = await createWasmExecutor()
  const two = await createWasmExecutor({ threads: 2 })
  const exact = await createWasmExecutor({ relaxed: 'off' })
  const loops = ceilingLoops()
  const peak = (amount: number): void => loops({ kind: 'fma', amount })
  peak(1_000_000)
  const rows: Row[] = []
  const sizes: [number, number, number, Layout][] = [
    [256, 256, 256, 'nn'],
    [512, 512, 512, 'nn'],
    [1024, 1024, 1024, 'nn'],
    [2048, 2048, 2048, 'nn'],
    [512, 512, 512, 'nt'],
    [512, 512, 512, 'tn'],
    [128, 512, 784, 'nn'],
    [1024, 256, 1024, 'nt'],
  ]
  for (const [m, n, k, layout] of quick ? sizes.slice(0, 2) : sizes) {
    const single = await prepare(one, product(m, n, k, layout))
    const double = await prepare(two, product(m, n, k, layout))
    const work = (2 * m * n * k) / 1e9
    const amount = Math.ceil((2 * m * n * k) / ceilingWork({ kind: 'fma', amount: 1 }))
    const few = work > 2 ? 7 : rounds
    const [a, b, c] = await alternate(few, [() => single.step(), () => peak(amount), () => double.step()])
    const what = `f32 ${m}x${n}x${k} ${layout}`
    rows.push(
      ceilingRow(`${what}, 1 thread`, work, 'GFLOP/s', a!, 'registers only', work / Math.min(...b!), 0.85),
    )
    rows.push(workRow(`${what}, 2 threads`, work, 'GFLOP/s', c!, '1 thread', a!, null))
    single.close()
    double.close()
  }
  rows.push(...(await others(one, rounds, quick)))
  const [m, n, k] = [256, 256, 256]
  const fused = await prepare(one, product(m, n, k, 'nn'))
  const emulated = await prepare(exact, product(m, n, k, 'nn'))
  const [a, b] = await alternate(rounds, [() => emulated.step(), () => fused.step()])
  rows.push(workRow('f32 256x256x256, emulated fma', (2 * m * n * k) / 1e9, 'GFLOP/s', a!, 'fused', b!, null))
  for (const executor of [one, two, exact]) await executor.close()
  return rows
}
