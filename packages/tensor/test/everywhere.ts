import assert from 'node:assert/strict'
import { firstDifference } from '../src/conformance/executor-conformance.ts'
import { randomTensor } from '../src/conformance/random-tensor.ts'
import { Seeded } from '../src/conformance/seeded.ts'
import type { Executor } from '../src/executor.ts'
import type { Program } from '../src/program.ts'
import { createWasmExecutor } from '../src/wasm/executor.ts'

/** The executors that operations are held to besides the reference: one thread, and two that share everything. */
export const executors = async (): Promise<readonly Executor[]> => [
  await createWasmExecutor(),
  await createWasmExecutor({ threads: 2, shareFrom: 0 }),
]

/** Every node, the next state and the outputs have the reference's bytes, on numbers with edges among them. */
export const sameEverywhere = async (
  list: readonly Executor[],
  programs: readonly Program[],
  smallWords = 6,
): Promise<void> => {
  for (const [i, program] of programs.entries()) {
    const r = new Seeded(1 + i)
    const state = program.state.map((type) => randomTensor(r, type, smallWords))
    const inputs = program.inputs.map((type) => randomTensor(r, type, smallWords))
    for (const executor of list)
      assert.equal(
        await firstDifference(executor, { program, state, inputs } as never),
        undefined,
        `${executor.name}, program ${i} with outputs ${program.outputs.map((o) => o.name)}`,
      )
  }
}
