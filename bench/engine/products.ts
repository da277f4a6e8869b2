import { f32Tensor, f32Values } from '@lockstep/models'
import type { Runner } from '@lockstep/tensor'
import { product } from '../matmul.ts'
import { alternate, ceilingRow, type Row } from '../row.ts'
import { pattern } from './pattern.ts'
import type { Context, Section } from './section.ts'
import { versus } from './versus.ts'

/** Square products of 256 to 2048: against the ceiling, with two threads against the ceiling's own scaling, against peers. */
export const section: Section = async (context) => {
  const rows: Row[] = []
  const { fma } = context.ceilings
  const [one, two] = [await context.executor(), await context.executor({ threads: 2 })]
  for (const size of context.quick ? [256, 512] : [256, 512, 1024, 2048]) {
    const work = (2 * size ** 3) / 1e9
    // A round lasts 20 ms or more, so that the clock and a disturbed moment count little.
    const repeats = Math.max(1, Math.round(1 / work))
    const what = `product ${size}`
    const runners = await Promise.all([prepared(one, size), prepared(two, size)])
    const [single, double] = runners as [Runner, Runner]
    const [a, b] = await alternate(context.rounds, [() => single.step(repeats), () => double.step(repeats)])
    const amount = work * repeats
    rows.push(ceilingRow(`${what}, 1 thread`, amount, 'GFLOP/s', a!, 'fma ceiling', fma[0], 0.85))
    rows.push(scalingRow(`${what}, 2 threads: scaling`, a!, b!, fma, size >= 1024 ? 0.9 : null))
    rows.push(ceilingRow(`${what}, 2 threads`, amount, 'GFLOP/s', b!, 'fma ceiling', fma[1], null))
    if (size === 256 || size === 1024) rows.push(...(await rivals(context, size, single, double)))
    for (const runner of runners) runner.close()
  }
  return rows
}

/** How much faster two threads are than one, against how much faster the ceiling is. */
const scalingRow = (
  what: string,
  one: readonly number[],
  two: readonly number[],
  fma: readonly [number, number],
  target: number | null,
): Row => {
  const ours = Math.min(...one) / Math.min(...two)
  const theirs = fma[1] / fma[0]
  const ratio = ours / theirs
  return {
    ...{ what, ours, unit: 'times', against: "the ceiling's scaling", theirs, ratio, target },
    met: target === null ? null : ratio >= target,
  }
}

const rivals = async (context: Context, size: number, single: Runner, double: Runner): Promise<Row[]> => {
  const rows: Row[] = []
  const order = { case: 'product', batch: 1, m: size, n: size, k: size } as const
  for (const [threads, runner] of [
    [1, single],
    [2, double],
  ] as const) {
    const c = f32Values(runner.outputs()[0]!)
    const check = [c[0]!, c[c.length >> 1]!, c.at(-1)!]
    const what = `product ${size}, ${threads} ${threads === 1 ? 'thread' : 'threads'}, WebAssembly`
    const ours = { what, run: () => runner.step(), check, threads }
    const rate = { work: (2 * size ** 3) / 1e9, unit: 'GFLOP/s' }
    for (const name of ['openblas', 'onnxruntime-node', 'onnxruntime-web', 'tfjs-wasm', 'jax-js'] as const)
      rows.push(await versus(context, ours, { name, target: null }, order, rate))
  }
  return rows
}

const prepared = async (
  executor: Awaited<ReturnType<Context['executor']>>,
  size: number,
): Promise<Runner> => {
  const inputs = [1, 2].map((seed) => f32Tensor([size, size], pattern(seed, size * size)))
  const runner = await executor.compile(product(size, size, size, 'nn'), inputs)
  runner.load([])
  await runner.step(2)
  return runner
}
