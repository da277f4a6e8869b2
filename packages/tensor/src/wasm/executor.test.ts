import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { randomProgram } from '../conformance/random-program.ts'
import type { Executor, Runner } from '../executor.ts'
import type { Tensor } from '../program.ts'
import { referenceExecutor } from '../reference.ts'
import { createWasmExecutor } from './executor.ts'

const nightly = process.env.LOCKSTEP_NIGHTLY === '1'
const PROGRAMS = nightly ? 5000 : 400

const executors: Executor[] = [
  await createWasmExecutor(),
  await createWasmExecutor({ relaxed: 'off' }),
  await createWasmExecutor({ threads: 2 }),
]
after(() => Promise.all(executors.map((e) => e.close())))

const same = (got: readonly Tensor[], expected: readonly Tensor[], what: string): void => {
  assert.equal(got.length, expected.length, what)
  expected.forEach((t, i) => {
    const at = t.data.findIndex((b, k) => got[i]!.data[k] !== b)
    if (at >= 0) {
      const show = (x: Tensor): string => Buffer.from(x.data.slice(at & ~3, (at & ~3) + 4)).toString('hex')
      assert.fail(`${what} ${i} [${t.dtype} ${t.shape}] at byte ${at}: ${show(got[i]!)}, not ${show(t)}`)
    }
  })
}

test(`${PROGRAMS} random programs give the reference's bits, stepped and traced`, async () => {
  for (let seed = 1; seed <= PROGRAMS; seed++) {
    const { program, state, inputs } = randomProgram(seed)
    const expected: Runner = await referenceExecutor.compile(program, inputs)
    expected.load(state)
    const nodes = await expected.trace()
    const [state1, outputs1] = [expected.state(), expected.outputs()]
    await expected.step(2)
    for (const [e, executor] of executors.entries()) {
      const what = `seed ${seed}, ${executor.name}:`
      const runner = await executor.compile(program, inputs)
      runner.load(state)
      same(await runner.trace(), nodes, `${what} node`)
      same(runner.state(), state1, `${what} state after a trace`)
      same(runner.outputs(), outputs1, `${what} output after a trace`)
      runner.load(state)
      await runner.step()
      same(runner.state(), state1, `${what} state after a step`)
      same(runner.outputs(), outputs1, `${what} output after a step`)
      await runner.step(2)
      same(runner.state(), expected.state(), `${what} state after three steps`)
      same(runner.outputs(), expected.outputs(), `${what} output after three steps`)
      runner.close()
      void e
    }
  }
})
