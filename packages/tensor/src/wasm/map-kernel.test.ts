import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomTensor } from '../conformance/random-tensor.ts'
import { Seeded } from '../conformance/seeded.ts'
import { concat } from '../front/ops/concat.ts'
import { traceProgram } from '../front/trace-program.ts'
import { flip, pad } from '../front/views.ts'
import { runStep } from '../reference.ts'
import { createWasmExecutor } from './executor.ts'

test('rows put together from parts have the bits of the parts, wherever the borders lie', async () => {
  const executor = await createWasmExecutor()
  const r = new Seeded(3)
  for (const widths of [
    [8, 8],
    [4, 4],
    [16, 24, 8],
    [5, 11],
    [8, 3, 5],
    [32, 32, 32, 32],
    [8, 8, 8, 8, 8],
  ]) {
    const types = Object.fromEntries(
      widths.map((w, i) => [`x${i}`, { dtype: 'f32' as const, shape: [3, w] }]),
    )
    const program = traceProgram({ state: types }, (state) => {
      const parts = widths.map((_, i) => state[`x${i}`]!)
      const around = [
        [0, 0],
        [8, 16],
      ] as const
      return { outputs: { y: concat(parts, 1), z: pad(flip(parts[0]!, [1]), around, 2) } }
    })
    const state = program.state.map((t) => randomTensor(r, t))
    const runner = await executor.compile(program, [])
    runner.load(state)
    await runner.step()
    const expected = runStep(program, state, []).outputs
    runner.outputs().forEach((t, i) => {
      assert.equal(Buffer.compare(t.data, expected[i]!.data), 0, `${widths}: ${program.outputs[i]!.name}`)
    })
    runner.close()
  }
  await executor.close()
})
