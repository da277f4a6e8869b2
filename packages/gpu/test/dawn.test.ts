import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  firstDifference,
  randomContraction,
  randomProgram,
  runScalarConformance,
  scalarExecutorOver,
} from '@lockstep/tensor'
import { createWebGpuExecutor, dawnGpu, everywhere, INTEGERS } from '../src/webgpu/index.ts'

const nightly = process.env.LOCKSTEP_NIGHTLY === '1'

test('WebGPU in Node, through Dawn, gives the reference’s bits', { timeout: 600_000 }, async (t) => {
  const gpu = await dawnGpu()
  if (!gpu) return t.skip('the package webgpu (Dawn) is not installed')
  if (!(await gpu.requestAdapter())) return t.skip('Dawn finds no adapter on this machine')
  const executors = [
    await createWebGpuExecutor({ gpu }),
    await createWebGpuExecutor({ gpu, arithmetic: INTEGERS }),
    ...(nightly ? [await createWebGpuExecutor({ gpu, arithmetic: everywhere('guarded') })] : []),
  ]
  try {
    for (const executor of executors) {
      t.diagnostic(`${executor.name}: ${JSON.stringify(executor.proof.arithmetic)}`)
      for (let seed = 1; seed <= (nightly ? 100 : 8); seed++)
        for (const subject of [randomProgram(seed), randomContraction(seed)])
          assert.equal(await firstDifference(executor, subject), undefined, `seed ${seed}`)
    }
    if (!nightly) return
    for (const executor of executors.slice(1)) {
      const found = await runScalarConformance(scalarExecutorOver(executor), { seed: 1, cases: 10_000 })
      assert.deepEqual(found.mismatches, [])
    }
  } finally {
    for (const executor of executors) await executor.close()
  }
})

test('a platform without WebGPU is told so', async () => {
  if (await dawnGpu()) return
  await assert.rejects(
    createWebGpuExecutor(),
    /gpu is absent; allowed: a WebGPU implementation with an adapter/,
  )
})
