import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createWasmExecutor,
  type Executor,
  firstDifference,
  matmul,
  Random,
  randomContraction,
  type Tensor,
  traceProgram,
} from '@lockstep/tensor'
import { nativeUrl } from '../src/index.ts'
import { native, skip } from './built.ts'

test('sums of products run by the addon have the reference bits, on every instruction set and in every thread', {
  skip,
}, async () => {
  const cases = process.env.LOCKSTEP_NIGHTLY ? 1000 : 50
  for (const { set } of native!.products)
    for (const options of [{}, { threads: 2, shareFrom: 0 }]) {
      const executor = await createWasmExecutor({ ...options, accelerator: { url: nativeUrl(set) } })
      assert.match(executor.name, /accelerated/)
      for (let seed = 1; seed <= cases; seed++)
        assert.equal(
          await firstDifference(executor, randomContraction(seed)),
          undefined,
          `${set}, seed ${seed}`,
        )
      await executor.close()
    }
})

/** Numbers of a few magnitudes, so that the order of a sum shows in its bits. */
const numbers = (shape: readonly number[], seed: number): Tensor => {
  const random = new Random(seed)
  const words = Uint32Array.from({ length: shape[0]! * shape[1]! }, () =>
    random.atExponent(random.between(120, 131)),
  )
  return { dtype: 'f32', shape, data: new Uint8Array(words.buffer) }
}

test('products of several pieces of columns, rows and blocks have the bits of WebAssembly alone', {
  skip,
}, async () => {
  for (const [m, k, n] of [
    [410, 702, 1100],
    [1100, 257, 130],
    [70, 520, 1030],
  ] as const) {
    const program = traceProgram(
      { state: {}, inputs: { a: { dtype: 'f32', shape: [m, k] }, b: { dtype: 'f32', shape: [k, n] } } },
      (_, { a, b }) => ({ outputs: { c: matmul(a, b) } }),
    )
    const inputs = [numbers([m, k], 1), numbers([k, n], 2)]
    const run = async (executor: Executor): Promise<Uint8Array> => {
      const runner = await executor.compile(program, inputs)
      runner.load([])
      await runner.step()
      const [c] = runner.outputs()
      await executor.close()
      return c!.data
    }
    const wanted = await run(await createWasmExecutor())
    for (const { set } of native!.products)
      for (const threads of [1, 2, 3]) {
        const got = await run(await createWasmExecutor({ threads, accelerator: { url: nativeUrl(set) } }))
        assert.equal(Buffer.compare(got, wanted), 0, `${set}, ${threads} threads, ${m} x ${k} x ${n}`)
      }
  }
})
