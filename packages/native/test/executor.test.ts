import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWasmExecutor, firstDifference, randomContraction } from '@lockstep/tensor'
import { nativeUrl } from '../src/index.ts'
import { native, skip } from './built.ts'

test('sums of products run by the addon have the reference bits, on every instruction set and in every thread', {
  skip,
}, async () => {
  const cases = process.env.LOCKSTEP_NIGHTLY ? 1000 : 50
  for (const { set } of native!.products)
    for (const options of [{}, { threads: 2, shareFrom: 0 }]) {
      const executor = await createWasmExecutor({ ...options, accelerator: { url: nativeUrl(set) } })
      assert.match(executor.name, /accelerated/)
      for (let seed = 1; seed <= cases; seed++)
        assert.equal(
          await firstDifference(executor, randomContraction(seed)),
          undefined,
          `${set}, seed ${seed}`,
        )
      await executor.close()
    }
})
