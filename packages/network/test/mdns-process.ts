import { eventually, network, start } from './company.ts'

/** Started by mdns.test.ts in a network of its own: two peers that know no address find each other by multicast. */
const forever = { after: () => {} }
const options = { mdns: true, listen: ['/ip4/0.0.0.0/tcp/0'] }
const a = await start(forever, options)
const b = await start(forever, options)
const foreign = await start(forever, { ...options, network: { ...network, chainId: 1 } })
await eventually('they meet', () => a.peers().some((p) => p.id === b.id))
console.log(
  JSON.stringify({ met: a.peers().length, foreign: foreign.peers().length, refused: a.stats().misconduct }),
)
process.exit()
