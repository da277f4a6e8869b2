import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matmul } from '../front/ops/contract.ts'
import { softmax } from '../front/ops/softmax.ts'
import { traceProgram } from '../front/trace-program.ts'
import { createWasmExecutor } from './executor.ts'

const f32 = (...shape: number[]) => ({ dtype: 'f32', shape }) as const
const program = traceProgram({ state: { a: f32(16, 64), b: f32(64, 32) } }, ({ a, b }) => ({
  outputs: { y: softmax(matmul(a, b)) },
}))
const state = program.state.map((t) => ({ ...t, data: new Uint8Array(t.shape[0]! * t.shape[1]! * 4) }))

test('a profile has every kernel of a step once, with its work and its time by the clock', async () => {
  let ticks = 0
  const executor = await createWasmExecutor({ profile: { now: () => ticks++ } })
  const runner = await executor.compile(program, [])
  assert.deepEqual(runner.profile(), [])
  runner.load(state)
  await runner.step(3)
  const kernels = runner.profile()
  assert.deepEqual(
    kernels.flatMap((k) => k.nodes).sort((a, b) => a - b),
    [...program.nodes.keys()],
  )
  for (const k of kernels) {
    assert.equal(k.calls, 3)
    assert.ok(k.seconds >= 0.003 && k.seconds < 0.1, `${k.label}: ${k.seconds}`)
  }
  const product = kernels.find((k) => k.kind === 'contraction')!
  assert.equal(product.flops, 2 * 16 * 64 * 32)
  assert.equal(product.bytes, 4 * (16 * 64 + 64 * 32 + 16 * 32))
  assert.equal(product.label, 'contraction f32 [16,32] over [64]')
  await executor.close()
})

test('kernels that threads share are timed until the last one is done, and a trace is no part of it', async () => {
  let ticks = 0
  const executor = await createWasmExecutor({ threads: 2, shareFrom: 0, profile: { now: () => ticks++ } })
  const runner = await executor.compile(program, [])
  runner.load(state)
  await runner.step(2)
  const before = runner.profile()
  await runner.trace()
  assert.deepEqual(runner.profile(), before)
  assert.ok(before.length > 0 && before.every((k) => k.calls === 2 && k.seconds > 0))
  await executor.close()
})

test('without a clock there is no profile', async () => {
  const executor = await createWasmExecutor()
  const runner = await executor.compile(program, [])
  runner.load(state)
  await runner.step()
  assert.deepEqual(runner.profile(), [])
  await executor.close()
})
