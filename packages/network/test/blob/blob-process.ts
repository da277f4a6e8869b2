/**
 * A process with a peer, to be killed. `serve DIRECTORY` serves what is there and prints its address; `fetch DIRECTORY ID
 * ADDRESS...` fetches from these peers and prints what it holds as it grows, `done` and its memory at the end.
 */
import { writeSync } from 'node:fs'
import { unwrap } from '@lockstep/tensor'
import { parseBlobId } from '../../src/blob/blob-id.ts'
import { blobService } from '../../src/blob/blob-service.ts'
import { openBlobStore } from '../../src/blob/blob-store.ts'
import { startPeer } from './party.ts'

const [mode, directory, id, ...addresses] = process.argv.slice(2)
const say = (text: string): void => void writeSync(1, `${text}\n`)
const peer = await startPeer()
const store = unwrap(await openBlobStore(directory!, { maxBytes: 2 ** 32 }))
const service = blobService(peer, store)
service.serve()

if (mode === 'serve') {
  say(peer.addresses()[0]!)
  setInterval(() => say(`memory ${process.resourceUsage().maxRSS * 1024}`), 500)
} else {
  const sources: string[] = []
  for (const address of addresses) sources.push(unwrap(await peer.dial(address)))
  say('dialled')
  const fetched = await service.fetch(unwrap(parseBlobId(id!)), sources, {
    progress: ({ held }) => say(`held ${held}`),
  })
  say(fetched.ok ? `done ${fetched.value.fetched}` : `fault ${fetched.fault.code}`)
  say(`memory ${process.resourceUsage().maxRSS * 1024}`)
  await service.stop()
  await peer.stop()
  await store.close()
}
