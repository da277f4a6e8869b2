import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  firstDifference,
  randomContraction,
  randomNetwork,
  randomProgram,
  runScalarConformance,
  scalarExecutorOver,
} from '@lockstep/tensor'
import { createWebGpuExecutor, everywhere, INTEGERS } from '../../src/webgpu/index.ts'
import { FLUSHES, LOOSE } from './devices.ts'
import { softwareGpu } from './software-gpu.ts'
import { IEEE } from './translate.ts'

const nightly = process.env.LOCKSTEP_NIGHTLY === '1'

for (const [name, float, arithmetic] of [
  ['its own operations', IEEE, everywhere('native')],
  ['its own operations behind guards', LOOSE, everywhere('guarded')],
  ['integers', LOOSE, INTEGERS],
  ['some of each', FLUSHES, { ...INTEGERS, fma: 'guarded', fdiv: 'guarded' }],
] as const)
  test(`WGSL run without a GPU, by ${name}, gives the reference’s bits`, async () => {
    const executor = await createWebGpuExecutor({ gpu: softwareGpu({ float }), arithmetic })
    assert.deepEqual(executor.proof.arithmetic, arithmetic)
    for (let seed = 1; seed <= (nightly ? 100 : 6); seed++)
      for (const make of [
        randomProgram,
        randomContraction,
        ...(seed <= (nightly ? 20 : 1) ? [randomNetwork] : []),
      ])
        assert.equal(await firstDifference(executor, make(seed)), undefined, `seed ${seed}`)
    const found = await runScalarConformance(scalarExecutorOver(executor), {
      seed: 1,
      cases: nightly ? 20_000 : 200,
    })
    assert.deepEqual(found.mismatches, [])
  })
