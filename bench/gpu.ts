/**
 * One NVIDIA card: products against cuBLAS in IEEE float32 and the card's measured fma ceiling, kernels that memory
 * bounds against measured copy bandwidth, and a training step in the layout of GPT-2 124M against PyTorch eager. Without
 * a card it says so in one line. Parts: ceilings, products, memory, gpt.
 */
import { spawnSync } from 'node:child_process'
import { type CudaDevice, cudaDevices, executorOver, openCudaDevice, proveDevice } from '@lockstep/gpu/cuda'
import { DEFAULT_TRAIN, trainProgram } from '@lockstep/models'
import {
  type Grid as AnyGrid,
  DTYPES,
  geluByTanh,
  layerNorm,
  type Program,
  Random,
  size,
  softmax,
  type Tensor,
  type TensorType,
  traceProgram,
} from '@lockstep/tensor'
import { measureCeilings } from './gpu/ceilings.ts'
import { findCublas } from './gpu/cublas.ts'
import { product } from './matmul.ts'
import { type Bench, figure, median, type Row } from './row.ts'

type Grid = AnyGrid<'f'>

/** Numbers of ordinary size, the same pattern again and again: how long work takes does not depend on them. */
const filled = ({ dtype, shape }: TensorType): Tensor => {
  const data = new Uint8Array(size(shape) * DTYPES[dtype].bytes)
  const r = new Random(1)
  if (dtype === 'f32') {
    const pattern = Float32Array.from(
      { length: Math.min(size(shape), 4093) },
      () => (r.between(0, 2001) - 1000) / 50_000,
    )
    const numbers = new Float32Array(data.buffer)
    for (let at = 0; at < numbers.length; at += pattern.length)
      numbers.set(pattern.subarray(0, Math.min(pattern.length, numbers.length - at)), at)
  } else if (dtype === 'u32') new Uint32Array(data.buffer).forEach((_, i, all) => (all[i] = i % 251))
  return { dtype, shape, data }
}

/** Median seconds of a step on the card's clock. */
const stepSeconds = async (
  device: CudaDevice,
  program: Program,
  rounds: number,
  each = 1,
): Promise<number> => {
  const executor = executorOver(device)
  const runner = await executor.compile(program, program.inputs.map(filled))
  try {
    runner.load(program.state.map(filled))
    await runner.step(2)
    const times: number[] = []
    for (let i = 0; i < rounds; i++) {
      let stepped: Promise<void> | undefined
      times.push(
        device.time(() => {
          stepped = runner.step(each)
        }) / each,
      )
      await stepped
    }
    return median(times)
  } finally {
    runner.close()
  }
}

const against = (
  what: string,
  ours: number,
  unit: string,
  name: string,
  theirs: number,
  target: number,
): Row => ({
  ...{ what, ours, unit, against: name, theirs, ratio: ours / theirs, target },
  met: ours / theirs >= target,
})

const products = async (
  device: CudaDevice,
  flops: number,
  quick: boolean,
  tell: (a: string, b: string) => void,
) => {
  const rows: Row[] = []
  const cublas = findCublas(device)
  if ('why' in cublas) tell('cuBLAS', cublas.why)
  else tell('cuBLAS', String(cublas.version))
  for (const n of quick ? [4096] : [4096, 8192]) {
    const work = 2 * n ** 3
    const seconds = await stepSeconds(device, product(n, n, n, 'nn'), 7, 2)
    const rate = work / seconds / 1e12
    rows.push(
      against(
        `product ${n} square, share of the fma ceiling`,
        rate,
        'TFLOP/s',
        'measured ceiling',
        flops / 1e12,
        0,
      ),
    )
    if ('why' in cublas) continue
    const bytes = 4 * n * n
    const memory = device.allocate(3 * bytes)
    const matrix = filled({ dtype: 'f32', shape: [n, n] }).data
    device.upload(memory, matrix)
    device.upload(memory + bytes, matrix)
    const run = (): void => cublas.multiply(n, memory, memory + bytes, memory + 2 * bytes)
    run()
    const theirs = work / median(Array.from({ length: 7 }, () => device.time(run))) / 1e12
    device.free(memory)
    rows.push(against(`product ${n} square`, rate, 'TFLOP/s', 'cuBLAS, IEEE float32', theirs, 0.75))
  }
  for (const layout of ['nt', 'tn'] as const) {
    const n = 4096
    const seconds = await stepSeconds(device, product(n, n, n, layout), 5, 2)
    rows.push(figure(`product ${n} square, ${layout}`, (2 * n ** 3) / seconds / 1e12, 'TFLOP/s'))
  }
  if (!('why' in cublas)) cublas.close()
  return rows
}

const ROWS = 16384
const WIDTH = 4096

/** A program of one operation on a matrix, which reads it and writes its result. */
const overMatrix = (operation: (x: Grid) => Grid): Program =>
  traceProgram({ state: {}, inputs: { x: { dtype: 'f32', shape: [ROWS, WIDTH] } } }, (_, { x }) => ({
    next: {},
    outputs: { y: operation(x as Grid) },
  }))

const memoryBound = async (device: CudaDevice, bandwidth: number): Promise<Row[]> => {
  const rows: Row[] = []
  const moved = 2 * 4 * ROWS * WIDTH
  for (const [what, operation] of [
    ['elementwise (GELU)', geluByTanh],
    ['softmax of rows', softmax],
    ['layer norm of rows', (x: Grid) => layerNorm(x)],
  ] as const) {
    const seconds = await stepSeconds(device, overMatrix(operation as (x: Grid) => Grid), 7, 2)
    rows.push(
      against(
        `${what}, ${ROWS} x ${WIDTH}`,
        moved / seconds / 1e9,
        'GB/s',
        'copy bandwidth, measured',
        bandwidth / 1e9,
        0.85,
      ),
    )
  }
  return rows
}

const gptStep = async (
  device: CudaDevice,
  quick: boolean,
  tell: (a: string, b: string) => void,
): Promise<Row[]> => {
  const [tokens, layers] = [1024, quick ? 2 : 12]
  const model = {
    kind: 'gpt',
    config: { vocab: 50257, context: tokens, width: 768, layers, heads: 12, dropout: 0 },
  } as const
  const train = { ...DEFAULT_TRAIN, batch: 1, steps: 100, warmup: 3 }
  const program = trainProgram(model, train, { tokens: 4096, dtype: 'u32' })
  const seconds = await stepSeconds(device, program, 5)
  const what = `GPT step, ${layers} layers, width 768, ${tokens} tokens`
  const script = new URL('./gpu/gpt_step.py', import.meta.url).pathname
  const python = spawnSync('python3', [script, String(tokens), String(layers), '7'], {
    encoding: 'utf8',
    timeout: 150_000,
  })
  if (python.status !== 0) {
    tell('PyTorch', (python.stderr ?? 'no python3').trim().split('\n').at(-1) || 'python3 did not run')
    return [figure(what, 1 / seconds, 'steps/s')]
  }
  const said = JSON.parse(python.stdout) as { seconds: number; version: string }
  tell('PyTorch', said.version)
  return [against(what, 1 / seconds, 'steps/s', 'PyTorch eager, float32', 1 / said.seconds, 1)]
}

export const bench: Bench = async ({ quick, only, tell }) => {
  const found = cudaDevices()
  if ('why' in found) {
    tell('card', found.why)
    return []
  }
  const wants = (part: string): boolean => only === undefined || only.includes(part)
  const device = openCudaDevice(0)
  try {
    tell('card', device.info.name)
    tell('compute capability', device.info.capability)
    tell('multiprocessors', device.info.multiprocessors)
    await proveDevice(executorOver(device))
    const { flops, bytes } = measureCeilings(device)
    const rows = [
      figure('fma ceiling, measured', flops / 1e12, 'TFLOP/s'),
      figure('copy bandwidth, measured', bytes / 1e9, 'GB/s'),
    ]
    if (wants('products')) rows.push(...(await products(device, flops, quick, tell)))
    if (wants('memory')) rows.push(...(await memoryBound(device, bytes)))
    if (wants('gpt')) rows.push(...(await gptStep(device, quick, tell)))
    return rows
  } finally {
    device.close()
  }
}
