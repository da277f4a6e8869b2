import { setTimeout } from 'node:timers/promises'
import { DEFAULT_TRAIN, f32Tensor, wordTensor } from '@lockstep/models'
import {
  f32,
  type Grid,
  gelu,
  layerNorm,
  map,
  type Program,
  rmsNorm,
  select,
  softmax,
  type Tensor,
  type TensorType,
  traceProgram,
} from '@lockstep/tensor'
import { update } from '../../packages/models/src/training/optimiser.ts'
import { alternate, ceilingRow, type Row } from '../row.ts'
import { pattern } from './pattern.ts'
import type { Context, Section } from './section.ts'
import { ends } from './square-product.ts'
import { type Ours, versus } from './versus.ts'

/** Rows of a table that no cache holds: 64 MiB. */
const COLUMNS = 2048

/**
 * What reads and writes memory and computes little, on tensors far beyond the caches: against copy bandwidth for the
 * bytes that must move, each input read once and each output written once.
 */
export const section: Section = async (context) => {
  const rows = context.quick ? 1024 : 8192
  const found: Row[] = []
  for (const threads of [1, 2]) {
    const unary = async (what: string, make: (x: Grid<'f'>) => Grid<'f'>): Promise<void> => {
      const program = traceProgram(
        { state: {}, inputs: { x: { dtype: 'f32', shape: [rows, COLUMNS] } } },
        (_, { x }) => ({ state: {}, outputs: { y: make(x as Grid<'f'>) } }),
      )
      const inputs = [f32Tensor([rows, COLUMNS], pattern(1, rows * COLUMNS, 4))]
      found.push(...(await against(context, what, threads, program, inputs, [], 2 * rows * COLUMNS * 4)))
    }
    await unary('chain of five maps', (x) => {
      const scaled = map([x], (a) => a.mul(1.5).add(0.25))
      const squared = map([scaled], (a) => a.mul(a))
      const shifted = map([squared, x], (a, b) => a.sub(b))
      const kept = map([shifted], (a) => select(a.gt(0), a, a.mul(0.01)))
      return map([kept, scaled], (a, b) => a.fma(b, 0.5))
    })
    await unary('GELU', (x) => gelu(x))
    await unary('softmax', (x) => softmax(x))
    await unary('layer norm', (x) => layerNorm(x))
    await unary('RMS norm', (x) => rmsNorm(x))
    found.push(...(await optimiser(context, threads, rows)))
  }
  return found
}

/** One tensor's AdamW step: value, gradient and two moments are read, three of them written. */
const optimiser = async (context: Context, threads: number, rows: number): Promise<Row[]> => {
  const shape = [rows / 2, COLUMNS]
  const type: TensorType = { dtype: 'f32', shape }
  const word: TensorType = { dtype: 'u32', shape: [1] }
  const state = { value: type, first: type, second: type, step: word }
  const inputs = { gradient: type, norm: { dtype: 'f32', shape: [1] } as const }
  const parameter = { name: 'value', shape, init: { constant: 0 }, decay: true }
  const program = traceProgram({ state, inputs }, (s, given) => {
    const step = s.step as Grid<'u'>
    const [value, first, second, gradient] = [s.value, s.first, s.second, given.gradient] as Grid<'f'>[]
    const learned = { decays: true, value: value!, gradient: gradient!, first, second }
    const rate = map([step], () => f32(1e-3), { shape: [1] })
    const pace = { step, rate, norm: given.norm as Grid<'f'> }
    const [next] = update([parameter], [learned], DEFAULT_TRAIN, pace)
    return {
      state: {
        value: next!.value,
        first: next!.first!,
        second: next!.second!,
        step: map([step], (n) => n.add(1)),
      },
      outputs: {},
    }
  })
  const length = (rows / 2) * COLUMNS
  const zeros = (): Tensor => f32Tensor(shape, new Float32Array(length))
  const start = [f32Tensor(shape, pattern(2, length)), zeros(), zeros(), wordTensor(0)]
  const given = [f32Tensor(shape, pattern(1, length)), f32Tensor([1], new Float32Array([0.5]))]
  return against(context, 'AdamW step', threads, program, given, start, 7 * length * 4)
}

const against = async (
  context: Context,
  name: string,
  threads: number,
  program: Program,
  inputs: readonly Tensor[],
  state: readonly Tensor[],
  bytes: number,
): Promise<Row[]> => {
  const executor = await context.executor({ threads })
  const runner = await executor.compile(program, inputs)
  runner.load(state)
  // what is hot is compiled anew by threads of the engine's own, which takes them a while on a busy machine
  await runner.step(2)
  await setTimeout(100)
  await runner.step(2)
  const [times] = await alternate(context.rounds, [() => runner.step()])
  const what = `${name}, ${bytes / 2 ** 20} MiB moved, ${threads} ${threads === 1 ? 'thread' : 'threads'}`
  const rows = [
    ceilingRow(what, bytes / 1e9, 'GB/s', times!, 'copy ceiling', context.ceilings.copy[threads - 1]!, 0.8),
  ]
  const peer = name === 'softmax' ? 'softmax' : name === 'layer norm' ? 'norm' : null
  if (peer !== null) {
    const [columns, height] = [COLUMNS, program.inputs[0]!.shape[0]!]
    const ours: Ours = { what, run: () => runner.step(), check: ends(runner), threads }
    const rate = { work: bytes / 1e9, unit: 'GB/s' }
    for (const rival of ['pytorch', 'onnxruntime-node'] as const)
      rows.push(
        await versus(
          context,
          ours,
          { name: rival, target: null },
          { case: peer, rows: height, columns },
          rate,
        ),
      )
  }
  runner.close()
  await executor.close()
  return rows
}
