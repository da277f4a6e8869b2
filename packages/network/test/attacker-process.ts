import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { frame, type Stranger, startStranger } from './stranger.ts'

/**
 * Started by tests that measure memory, so that the attacker's own is not counted:
 * `attacker-process.ts ADDRESS requests|topic NAMES`. Comes back after every ban under another
 * name until it has used up so many, and prints them and how much it sent.
 */
const [address, what, names] = process.argv.slice(2) as [string, string, string]
const another = (): Promise<Stranger> => startStranger({ after: () => {} })
let stranger = await another()
const ids = [stranger.id]
const pause = (n: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, n))
const end = Date.now() + 60_000
let sent = 0
// Other peers may have dialled us meanwhile; they are not meant.
const victim = peerIdFromString(address.slice(address.lastIndexOf('/') + 1))
const connected = (): Connection[] => stranger.node.getConnections(victim)

const junk = [
  frame('{"n":1}'),
  frame('not json'),
  frame(new Uint8Array(5000).fill(0xfe)),
  new Uint8Array([0xff, 0xff, 0xff, 0xff, 1]),
  new Uint8Array([0, 0]),
]
const wellFormed = frame(JSON.stringify({ n: 1, text: 'x'.repeat(9_900) }))
const requests = async (): Promise<void> => {
  const open = connected().find((c) => c.status === 'open')
  const connection = open ?? (await stranger.meet(address))
  const batch = Promise.allSettled(
    Array.from({ length: 20 }, async (_, i) => {
      const stream = await stranger.open(connection, `${stranger.prefix}/double/1`)
      stream.send(ids.length % 2 === 1 ? wellFormed : junk[i % junk.length]!)
      sent++
      await stream.close()
    }),
  )
  await Promise.race([batch, pause(200)])
  await pause(5)
}
const topic = async (): Promise<void> => {
  if (connected().length === 0) await stranger.meet(address)
  for (let i = 0; i < 20; i++) {
    const message = { sentAt: Date.now(), body: { job: ++sent, note: 'x'.repeat(15_000) } }
    await stranger.node.services.gossip.publish(
      `${stranger.prefix}/topic/jobs/1`,
      Buffer.from(JSON.stringify(message)),
    )
  }
  await pause(5)
}
const late = async (): Promise<never> => {
  await pause(500)
  throw new Error('it does not talk to us any more')
}
while (Date.now() < end) {
  try {
    await Promise.race([what === 'topic' ? topic() : requests(), late()])
  } catch {
    await Promise.race([stranger.node.stop(), pause(200)])
    if (ids.length === Number(names)) break
    stranger = await another()
    ids.push(stranger.id)
  }
}
console.log(JSON.stringify({ sent, ids }))
process.exit()
