import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWasmExecutor, type Executor, referenceExecutor } from '@lockstep/tensor'
import { conformanceCases } from './cases.ts'
import { COMMITTED } from './committed.ts'
import { digestOfCase, proveExecutor } from './prove.ts'

test('the committed digests are what the reference computes', async () => {
  const found: { [name: string]: string } = {}
  for (const subject of conformanceCases())
    found[subject.name] = await digestOfCase(referenceExecutor, subject)
  assert.deepEqual(found, COMMITTED, JSON.stringify(found, null, 2))
})

test('WebAssembly conforms, and one wrong bit of any tensor does not', async () => {
  const executor = await createWasmExecutor()
  try {
    const proof = await proveExecutor(executor)
    assert.deepEqual(
      [proof.conforms, proof.cases, proof.why],
      [true, Object.keys(COMMITTED).length, undefined],
    )
    const bent = await proveExecutor(bending(executor, 'product 2'))
    assert.equal(bent.conforms, false)
    assert.match(bent.why!, /^product 2 gives [0-9a-f]{64}, not [0-9a-f]{64}$/)
    assert.notEqual(bent.digest, proof.digest)
    const failing = await proveExecutor({
      ...executor,
      compile: () => Promise.reject(new Error('the device is gone')),
    })
    assert.deepEqual(
      [failing.conforms, failing.cases, failing.why],
      [false, 0, 'instructions: the device is gone'],
    )
  } finally {
    await executor.close()
  }
})

test('a device that hashes its state wrong does not conform', async () => {
  const executor: Executor = {
    ...referenceExecutor,
    compile: async (program, inputs) => {
      const runner = await referenceExecutor.compile(program, inputs)
      return {
        ...bound(runner),
        roots: () => program.state.map(() => new Uint8Array(32)),
      }
    },
  }
  const { conforms, why } = await proveExecutor(executor)
  assert.equal(conforms, false)
  assert.match(why!, /hashed wrong on the device/)
})

type Runner = Awaited<ReturnType<Executor['compile']>>
const bound = (runner: Runner): Runner => ({
  load: (state) => runner.load(state),
  give: (inputs) => runner.give(inputs),
  step: (count) => runner.step(count),
  trace: () => runner.trace(),
  state: (into) => runner.state(into),
  outputs: () => runner.outputs(),
  close: () => runner.close(),
})

/** An executor with one bit wrong in one case: the last of the last output. */
const bending = (executor: Executor, name: string): Executor => {
  const [subject] = [...conformanceCases()].filter((c) => c.name === name)
  const nodes = JSON.stringify(subject!.program.nodes)
  return {
    ...executor,
    compile: async (program, inputs) => {
      const runner = bound(await executor.compile(program, inputs))
      if (JSON.stringify(program.nodes) !== nodes) return runner
      const outputs = (): ReturnType<Runner['outputs']> => {
        const found = runner.outputs()
        const { data } = found.at(-1)!
        data[data.length - 1]! ^= 1
        return found
      }
      return { ...runner, outputs }
    },
  }
}
