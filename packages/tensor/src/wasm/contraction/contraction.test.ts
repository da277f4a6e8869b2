import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { randomContraction } from '../../conformance/random-contraction.ts'
import type { RandomProgram } from '../../conformance/random-program.ts'
import type { Executor } from '../../executor.ts'
import { referenceExecutor } from '../../reference.ts'
import { createWasmExecutor } from '../executor.ts'

const nightly = process.env.LOCKSTEP_NIGHTLY === '1'
const CONTRACTIONS = nightly ? 1200 : 150
const accelerator = { url: new URL('../../../test/plain-accelerator.ts', import.meta.url).href }

const executors: Executor[] = [
  await createWasmExecutor(),
  await createWasmExecutor({ relaxed: 'off' }),
  await createWasmExecutor({ threads: 2, shareFrom: 0 }),
  await createWasmExecutor({ accelerator }),
  await createWasmExecutor({ threads: 2, shareFrom: 0, accelerator }),
]
after(() => Promise.all(executors.map((e) => e.close())))

const compare = async ({ program, inputs }: RandomProgram, name: string): Promise<void> => {
  const expected = await referenceExecutor.compile(program, inputs)
  expected.load([])
  await expected.step()
  const [output] = expected.outputs()
  for (const executor of executors) {
    const runner = await executor.compile(program, inputs)
    runner.load([])
    await runner.step()
    const [got] = runner.outputs()
    const at = output!.data.findIndex((byte, i) => got!.data[i] !== byte)
    assert.equal(at, -1, `${name}, ${executor.name}, [${output!.dtype} ${output!.shape}]: byte ${at} differs`)
    runner.close()
  }
}

test(`${CONTRACTIONS} sums of products give the reference's bits, with an accelerator too`, async () => {
  for (let seed = 1; seed <= CONTRACTIONS; seed++)
    await compare(randomContraction(1000 + seed), `seed ${1000 + seed}`)
})

test('an accelerator whose bits differ, or that is none, is refused', async () => {
  const module = (body: string) => ({ url: `data:text/javascript,${encodeURIComponent(body)}` })
  const idle = 'export const attach = () => ({ multiply() {} })'
  const description = 'export const microkernel = { rows: 4, columns: 8 };'
  await assert.rejects(
    createWasmExecutor({ accelerator: module(idle) }),
    /does not export microkernel and attach/,
  )
  await assert.rejects(
    createWasmExecutor({ accelerator: module(`export const microkernel = { rows: 4, columns: 6 };${idle}`) }),
    /panels of 4 rows and 6 columns; allowed/,
  )
  await assert.rejects(
    createWasmExecutor({ accelerator: module(description + idle) }),
    /does not give the bits of the reference on this machine; leave the option out/,
  )
})
