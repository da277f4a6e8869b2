/**
 * A process to be killed: `partial` writes the chunks of a sample blob one by one and prints each number after it was
 * written; `put` stores the sample blob again and again under other seeds and prints each id. After so many lines it
 * waits.
 */
import { writeSync } from 'node:fs'
import { unwrap } from '@lockstep/tensor'
import { hashBlob } from '../../src/blob/blob-hash.ts'
import { CHUNK, chunkCount } from '../../src/blob/blob-id.ts'
import { openBlobStore } from '../../src/blob/blob-store.ts'
import { sampleBytes } from '../../src/blob/sample-bytes.ts'

const [most, mode, directory, length] = process.argv.slice(2)
let lines = 0
const say = async (text: string): Promise<void> => {
  writeSync(1, `${text}\n`)
  if (++lines >= Number(most)) await new Promise(() => setInterval(() => {}, 60_000))
}
const store = unwrap(await openBlobStore(directory!, { maxBytes: 2 ** 30 }))
await say('open')

if (mode === 'partial') {
  const bytes = sampleBytes(Number(length))
  const { id, digests } = hashBlob(bytes)
  const partial = unwrap(await store.openPartial(id, digests))
  for (let i = 0; i < chunkCount(id); i++) {
    if (partial.has(i)) continue
    unwrap(await partial.write(i, bytes.subarray(i * CHUNK, (i + 1) * CHUNK)))
    await say(`${i}`)
  }
  unwrap(await partial.finish())
  await partial.close()
} else
  for (let seed = 1; seed < 1000; seed++)
    await say(unwrap(await store.put(sampleBytes(Number(length), seed), { pin: 'kept' })))
await say('done')
await store.close()
