import { createWebGpuExecutor, dawnGpu } from '@lockstep/gpu/webgpu'
import {
  type Executor,
  firstDifference,
  matmul,
  randomContraction,
  randomProgram,
  runScalarConformance,
  scalarExecutorOver,
  type Tensor,
  traceProgram,
} from '@lockstep/tensor'
import { openExecutor } from '../executor.ts'
import type { Terminal } from '../terminal.ts'

/** What one executor of this machine came to, or why it cannot be had. */
export type DeviceReport = {
  readonly executor: string
  /** Whether every case gave the reference's bits. */
  readonly conforms: boolean
  readonly cases: number
  /** Floating-point operations a second of a square product, an fma being two; absent where it does not conform. */
  readonly flops?: number
  /** The first difference, or why there is no such executor. */
  readonly why?: string
}

export type DevicesOptions = { readonly threads: number; readonly cases: number; readonly size: number }

/** Lists the executors of this machine, each with the result of its conformance run and its measured throughput. */
export const devicesCommand = async (
  { threads, cases, size }: DevicesOptions,
  now: () => number,
  terminal: Terminal,
): Promise<boolean> => {
  const reports: DeviceReport[] = []
  for (const [kind, open] of EXECUTORS) {
    terminal.note(`trying ${kind}`)
    let executor: Executor
    try {
      executor = await open(threads)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      reports.push({ executor: kind, conforms: false, cases: 0, why })
      terminal.say(`${kind.padEnd(24)} not here: ${why}`)
      continue
    }
    try {
      const report = await reportOn(executor, cases, size, now)
      reports.push(report)
      const result = report.conforms ? `conforms in ${report.cases} cases` : `DIFFERS: ${report.why}`
      const speed = report.flops === undefined ? '' : `, ${(report.flops / 1e9).toPrecision(3)} GFLOP/s`
      terminal.say(`${report.executor.padEnd(24)} ${result}${speed}`)
    } finally {
      await executor.close()
    }
  }
  terminal.result({ devices: reports })
  return reports.every(({ conforms, cases }) => conforms || cases === 0)
}

const EXECUTORS: readonly (readonly [string, (threads: number) => Promise<Executor>])[] = [
  ['processor', openExecutor],
  ['cuda', async () => (await import('@lockstep/gpu/cuda')).createCudaExecutor()],
  [
    'webgpu',
    async () => {
      const gpu = await dawnGpu()
      if (!gpu) throw new Error('the package webgpu (Dawn) is not installed')
      return createWebGpuExecutor({ gpu })
    },
  ],
]

const PROGRAMS = 6

const reportOn = async (
  executor: Executor,
  cases: number,
  size: number,
  now: () => number,
): Promise<DeviceReport> => {
  const scalars = await runScalarConformance(scalarExecutorOver(executor), { seed: 1, cases })
  const [wrong] = scalars.mismatches
  const counted = { executor: executor.name, cases: scalars.cases }
  if (wrong) return { ...counted, conforms: false, why: `${wrong.program} of ${wrong.args}` }
  for (let seed = 1; seed <= PROGRAMS; seed++)
    for (const make of [randomProgram, randomContraction]) {
      counted.cases++
      const difference = await firstDifference(executor, make(seed))
      if (difference !== undefined)
        return { ...counted, conforms: false, why: `${make.name} ${seed}: ${difference}` }
    }
  return { ...counted, conforms: true, flops: await productSpeed(executor, size, now) }
}

/** The best of three square products. Their coming and going counts, as it does for whoever runs a step. */
const productSpeed = async (executor: Executor, size: number, now: () => number): Promise<number> => {
  const matrix = { dtype: 'f32', shape: [size, size] } as const
  const program = traceProgram({ state: {}, inputs: { a: matrix, b: matrix } }, (_, { a, b }) => ({
    outputs: { y: matmul(a, b) },
  }))
  const ones = new Float32Array(size * size).fill(1)
  const tensor: Tensor = { ...matrix, data: new Uint8Array(ones.buffer) }
  const runner = await executor.compile(program, [tensor, tensor])
  try {
    runner.load([])
    await runner.step()
    let best = Number.POSITIVE_INFINITY
    for (let i = 0; i < 3; i++) {
      const began = now()
      await runner.step()
      best = Math.min(best, now() - began)
    }
    return (2000 * size ** 3) / best
  } finally {
    runner.close()
  }
}
