import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createWasmExecutor, referenceExecutor } from '@lockstep/tensor'
import { type ProgramVector, wrongVectors } from './program-vectors.ts'

const committed = JSON.parse(
  readFileSync(new URL('../../../vectors/programs.json', import.meta.url), 'utf8'),
) as ProgramVector[]

test('whole programs have the committed digests on the reference', async () => {
  // its training steps take a while: WebAssembly, which is held to the reference elsewhere, has them below
  const wanted = process.env.LOCKSTEP_NIGHTLY === '1' ? committed : committed.filter(({ program }) => program)
  assert.deepEqual(await wrongVectors(referenceExecutor, wanted), [])
})

test('whole programs and ten training steps have the committed digests on WebAssembly', async () => {
  for (const options of [{}, { threads: 2, shareFrom: 0 }, { relaxed: 'off' }] as const) {
    const executor = await createWasmExecutor(options)
    const wrong = await wrongVectors(executor, committed)
    await executor.close()
    assert.deepEqual(wrong, [], executor.name)
  }
})

test('a vector whose digest is another one is named', async () => {
  const [first, second] = committed as [ProgramVector, ProgramVector]
  const changed = { ...second, digest: first.digest }
  assert.deepEqual(await wrongVectors(await createWasmExecutor(), [first, changed]), [second.name])
})
