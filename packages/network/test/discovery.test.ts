import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newPeerKey, type ProtocolDefinition, peerIdOf } from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import { multiaddr } from '@multiformats/multiaddr'
import { z } from 'zod'
import { addressOf, eventually, network, pause, start, TCP, WS } from './company.ts'
import { frame, startStranger } from './stranger.ts'

const echo: ProtocolDefinition<string, string> = {
  name: 'echo',
  version: 1,
  request: z.string(),
  response: z.string(),
  maxRequestBytes: 100_000,
  maxResponseBytes: 100_000,
  timeoutMs: 20_000,
  rate: { perSecond: 1000, burst: 1000 },
  concurrency: 100,
}
const jobs = {
  name: 'jobs',
  version: 1,
  schema: z.strictObject({ job: z.int() }),
  maxBytes: 1000,
  authorRate: { perSecond: 10, burst: 20 },
}

test('two peers that know one bootstrap find each other, and stay together without it', async (t) => {
  const bootstrap = await start(t)
  const a = await start(t, { bootstrap: [addressOf(bootstrap)] })
  const b = await start(t, { bootstrap: [addressOf(bootstrap)] })
  await eventually(
    'they meet',
    () => a.peers().some((p) => p.id === b.id) && b.peers().some((p) => p.id === a.id),
  )
  await bootstrap.stop()
  await eventually('it is gone', () => a.peers().length === 1)
  b.protocol(echo).serve((text) => ({ ok: true, value: text }))
  assert.equal(unwrap(await a.protocol(echo).request(b.id, 'still here')), 'still here')
})

test('a bootstrap that starts late, or comes back, is found again', async (t) => {
  const key = await newPeerKey()
  const first = await start(t, { key })
  const address = addressOf(first)
  const listen = [address.slice(0, address.indexOf('/p2p/'))]
  await first.stop()
  const peer = await start(t, { bootstrap: [address] })
  await pause(1000)
  assert.equal(peer.peers().length, 0)
  const second = await start(t, { key, listen })
  await eventually('it is found', () => peer.peers().length === 1)
  await second.stop()
  await eventually('it is missed', () => peer.peers().length === 0)
  await start(t, { key, listen })
  await eventually('it is found again', () => peer.peers().length === 1)
})

test('a node that cannot be dialled is reached through a relay: requests, gossip and more bytes than the usual limit', async (t) => {
  const relay = await start(t, { relay: true, listen: [TCP, WS] })
  const hidden = await start(t, { listen: [`${addressOf(relay)}/p2p-circuit`] })
  await eventually('it has an address', () => hidden.addresses().some((a) => a.includes('/p2p-circuit')))
  assert.ok(hidden.addresses().every((a) => a.includes('/p2p-circuit')))
  const guest = await start(t, { listen: [] })
  unwrap(await guest.dial(addressOf(hidden, /p2p-circuit/)))
  const status = guest.peers().find((p) => p.id === hidden.id)!
  assert.equal(status.connection, 'relayed')
  hidden.protocol(echo).serve((text) => ({ ok: true, value: text }))
  const large = 'x'.repeat(90_000)
  for (let i = 0; i < 20; i++)
    assert.equal(
      unwrap(await guest.protocol(echo).request(hidden.id, large)).length,
      large.length,
      `request ${i}`,
    )
  const heard: number[] = []
  hidden.topic(jobs).subscribe((m) => void heard.push(m.body.job))
  const topic = guest.topic(jobs)
  topic.subscribe(() => {})
  await eventually('gossip runs over the relay', () => topic.listeners().includes(hidden.id))
  unwrap(await topic.publish({ job: 7 }))
  await eventually('it is heard', () => heard.length === 1)
})

test('two hidden nodes behind one relay find and use each other; a relay that comes back is used again', async (t) => {
  const key = await newPeerKey()
  const relay = await start(t, { key, relay: true })
  const address = addressOf(relay)
  const behind = { listen: ['/p2p-circuit'], bootstrap: [address] }
  const [a, b] = [await start(t, behind), await start(t, behind)]
  a.protocol(echo).serve((text) => ({ ok: true, value: text }))
  await eventually('they meet', () => b.peers().some((p) => p.id === a.id))
  assert.equal(unwrap(await b.protocol(echo).request(a.id, 'hi')), 'hi')
  await relay.stop()
  await eventually('all is quiet', () => a.peers().length === 0 && b.peers().length === 0)
  await start(t, { key, relay: true, listen: [address.slice(0, address.indexOf('/p2p/'))] })
  await eventually('they meet again', () => b.peers().some((p) => p.id === a.id))
  assert.equal(unwrap(await b.protocol(echo).request(a.id, 'hi')), 'hi')
})

test('a relay carries nobody who has not said hello', async (t) => {
  const relay = await start(t, { relay: true, limits: { helloMs: 400 } })
  // RESERVE, and in the answer a status: 100 would be OK.
  const reserve = new Uint8Array([2, 0x08, 0])
  const ok = Buffer.from([0x28, 100])
  const ask = async (say: boolean): Promise<Buffer> => {
    const stranger = await startStranger(t)
    const connection = say
      ? await stranger.meet(relay)
      : await stranger.node.dial(multiaddr(addressOf(relay)))
    const stream = await stranger.open(connection, '/libp2p/circuit/relay/0.2.0/hop')
    const answer = new Promise<Buffer>((resolve) => {
      stream.addEventListener('message', ({ data }) => resolve(Buffer.from(data.subarray())), { once: true })
      stream.addEventListener('close', () => resolve(Buffer.alloc(0)), { once: true })
    })
    stream.send(reserve)
    return answer
  }
  assert.ok((await ask(true)).includes(ok))
  assert.ok(!(await ask(false)).includes(ok))
})

test('a peer that hands out records nobody signed loses standing, and nobody is dialled for it', async (t) => {
  const stranger = await startStranger(t)
  const someone = unwrap(peerIdOf(await newPeerKey()))
  const answer = frame(
    JSON.stringify({ value: [{ id: someone, record: Buffer.from('forged').toString('base64') }] }),
  )
  await stranger.node.handle(`${stranger.prefix}/peers/1`, async (stream) => {
    stream.addEventListener('message', () => {})
    stream.send(answer)
    await stream.close()
  })
  const peer = await start(t)
  await stranger.meet(peer)
  await eventually('it is dropped', () => peer.stats().banned === 1)
  assert.ok(peer.lines.some((l) => /has not signed/.test(String(l.fields.detail))))
  assert.equal(peer.network.chainId, network.chainId)
})
