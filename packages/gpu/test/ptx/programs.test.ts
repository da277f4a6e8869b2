import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstDifference, randomContraction, randomNetwork, randomProgram } from '@lockstep/tensor'
import { executorOver } from '../../src/cuda/device-executor.ts'
import { interpretedDevice } from './interpreted-device.ts'

const nightly = process.env.LOCKSTEP_NIGHTLY === '1'

for (const [name, make, count] of [
  ['programs', randomProgram, 16],
  ['products', randomContraction, 5],
  ['networks', randomNetwork, 3],
] as const)
  test(`random ${name} run as PTX give the bits of the reference`, async () => {
    for (let seed = 1; seed <= (nightly ? 20 : 1) * count; seed++) {
      const executor = executorOver(interpretedDevice(1 << 24))
      assert.equal(await firstDifference(executor, make(seed)), undefined, `seed ${seed}`)
    }
  })
