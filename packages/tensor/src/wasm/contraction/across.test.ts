import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Seeded } from '../../conformance/seeded.ts'
import type { Dtype } from '../../dtype.ts'
import type { Executor } from '../../executor.ts'
import { contract, type Grid, type Program, traceProgram } from '../../index.ts'
import type { Tensor } from '../../program.ts'
import { referenceExecutor } from '../../reference.ts'
import { createWasmExecutor } from '../executor.ts'

const plain = { url: new URL('../../../test/plain-accelerator.ts', import.meta.url).href }
const executors: Executor[] = [
  await createWasmExecutor(),
  await createWasmExecutor({ relaxed: 'off' }),
  await createWasmExecutor({ threads: 2, shareFrom: 0 }),
  await createWasmExecutor({ threads: 3, shareFrom: 0, accelerator: plain }),
]
after(() => Promise.all(executors.map((e) => e.close())))

/** Rows, points, columns. Every way of holding sums or values, whole and partial vectors, and remains of k. */
const SHAPES: readonly (readonly [number, number, number])[] = [
  [1, 300, 256],
  [1, 37, 1024],
  [1, 17, 2100],
  [1, 5, 4500],
  // threads share blocks of k: two and three threads, evenly and with columns of the last blocks
  [1, 512, 520],
  [1, 1100, 1030],
  [1, 800, 803],
  [2, 257, 9],
  [3, 29, 8],
  [6, 22, 270],
  [7, 271, 70],
  [8, 65, 33],
  [9, 260, 259],
  [16, 19, 300],
  [32, 11, 256],
  [33, 7, 256],
]

const product = (rows: number, points: number, columns: number, dtype: Dtype): Program =>
  traceProgram(
    {
      state: {},
      inputs: {
        a: { dtype: 'f32', shape: [rows, points] },
        b: { dtype, shape: [points, columns] },
      },
    },
    (_, { a, b }) => ({ state: {}, outputs: { c: contract('ik,kj->ij', a as Grid<'f'>, b as Grid<'f'>) } }),
  )

const numbers = (r: Seeded, dtype: Dtype, shape: readonly number[]): Tensor => {
  const count = shape.reduce((n, d) => n * d, 1)
  const values = Float32Array.from({ length: count }, () => r.between(-4000, 4001) / 1237)
  const words = new Uint32Array(values.buffer)
  const data = dtype === 'f32' ? words : Uint16Array.from(words, (w) => w >>> 16)
  return { dtype, shape, data: new Uint8Array(data.buffer) }
}

for (const dtype of ['f32', 'bf16'] as const)
  test(`products of few rows with ${dtype} weights give the reference's bits`, async () => {
    for (const [rows, points, columns] of SHAPES) {
      const program = product(rows, points, columns, dtype)
      const r = new Seeded(rows * points + columns)
      const inputs = [numbers(r, 'f32', [rows, points]), numbers(r, dtype, [points, columns])]
      const run = async (executor: Executor): Promise<Uint8Array> => {
        const runner = await executor.compile(program, inputs)
        runner.load([])
        await runner.step()
        const [{ data }] = runner.outputs() as [Tensor]
        runner.close()
        return data
      }
      const expected = await run(referenceExecutor)
      for (const executor of executors) {
        const got = await run(executor)
        const at = expected.findIndex((byte, i) => got[i] !== byte)
        assert.equal(at, -1, `${rows}x${points}x${columns}, ${executor.name}: byte ${at} differs`)
      }
    }
  })
