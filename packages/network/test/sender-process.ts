import { createPeer, newPeerKey, silent } from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import { network } from './company.ts'

/** Started by channel.test.ts, which kills it: sends bytes to the peer at the address in its argument. */
const address = process.argv[2]!
const peer = unwrap(
  await createPeer({
    key: await newPeerKey(),
    network,
    listen: [],
    bootstrap: [],
    clock: Date.now,
    log: silent,
  }),
)
const to = unwrap(await peer.dial(address))
const channel = unwrap(
  await peer.openStream(to, {
    name: 'bytes',
    version: 1,
    streamsPerPeer: 8,
    rate: { perSecond: 1000, burst: 1000 },
    idleMs: 20_000,
  }),
)
for (let i = 0; i < 50; i++) {
  await channel.write(new Uint8Array(100_000))
  await new Promise((resolve) => setTimeout(resolve, 20))
}
await peer.stop()
