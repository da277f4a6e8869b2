import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstDifference, randomContraction, randomNetwork, randomProgram } from '@lockstep/tensor'
import { createCudaExecutor, cudaDevices } from '../../src/cuda/index.ts'

const found = cudaDevices()
const skip = 'why' in found ? `skipped: ${found.why}` : false

test('every card of this machine gives the bits of the reference', { skip }, async () => {
  for (const { ordinal } of 'why' in found ? [] : found.devices) {
    const executor = await createCudaExecutor({ device: ordinal })
    try {
      for (let seed = 1; seed <= 5; seed++)
        for (const make of [randomProgram, randomContraction, randomNetwork])
          assert.equal(
            await firstDifference(executor, make(seed)),
            undefined,
            `${executor.name}, seed ${seed}`,
          )
    } finally {
      await executor.close()
    }
  }
})

test('without a card the executor says in one line what is missing', {
  skip: skip ? false : 'skipped: there is a card',
}, async () => {
  await assert.rejects(createCudaExecutor(), (error: Error) => 'why' in found && error.message === found.why)
})
