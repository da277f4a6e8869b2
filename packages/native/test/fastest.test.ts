import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accelerateHash, batchHash, firstDifference, randomContraction } from '@lockstep/tensor'
import { createFastestExecutor, type NativeModule } from '../src/index.ts'
import { native, skip } from './built.ts'

test('without an addon the fastest executor is WebAssembly alone', async () => {
  const executor = await createFastestExecutor({ threads: 2 }, { why: 'there is none' })
  assert.match(executor.name, /^wasm 2 (fused|exact)$/)
  assert.equal(await firstDifference(executor, randomContraction(3)), undefined)
  await executor.close()
})

test('with the addon it multiplies and hashes natively, and says so', { skip }, async (t) => {
  const before = batchHash()
  t.after(() => accelerateHash(before))
  const [product] = native!.products
  const executor = await createFastestExecutor({ threads: 2, shareFrom: 0 })
  assert.match(executor.name, new RegExp(`^wasm 2 (fused|exact), native ${product!.set}$`))
  assert.equal(batchHash().name, `native ${native!.hashes[0]!.set}`)
  assert.equal(await firstDifference(executor, randomContraction(3)), undefined)
  await executor.close()

  const exact = await createFastestExecutor({ relaxed: 'off' })
  assert.equal(exact.name, 'wasm 1 exact')
  await exact.close()
})

test('an addon that the threads refuse is left out', { skip }, async () => {
  const odd = { ...native!, hashes: [], products: [{ ...native!.products[0]!, set: 'vax' }] }
  const executor = await createFastestExecutor({}, { native: odd as unknown as NativeModule })
  assert.match(executor.name, /^wasm 1 (fused|exact)$/)
  await executor.close()
  await assert.rejects(createFastestExecutor({ threads: 0 }), /threads is 0/)
})
