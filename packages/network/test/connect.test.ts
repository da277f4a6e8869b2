import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { createPeer, newPeerKey, peerIdOf, silent } from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import { z } from 'zod'
import { addressOf, eventually, network, start, TCP, WS } from './company.ts'
import { startStranger } from './stranger.ts'

const echo = {
  name: 'echo',
  version: 1,
  request: z.string(),
  response: z.string(),
  maxRequestBytes: 1000,
  maxResponseBytes: 1000,
  timeoutMs: 10_000,
  rate: { perSecond: 1000, burst: 1000 },
  concurrency: 100,
}

test('two peers meet by address, over TCP and over WebSocket', async (t) => {
  const server = await start(t, { listen: [TCP, WS] })
  server.protocol(echo).serve(async (text) => ({ ok: true, value: `${text}!` }))
  for (const like of [/tcp\/\d+\/p2p/, /\/ws\//]) {
    const client = await start(t, { listen: [] })
    const seen: string[] = []
    server.onPeer((peer, connected) => peer === client.id && seen.push(connected ? 'here' : 'gone'))
    assert.equal(unwrap(await client.dial(addressOf(server, like))), server.id)
    assert.equal(unwrap(await client.protocol(echo).request(server.id, 'hello')), 'hello!')
    assert.match(client.peers()[0]!.addresses[0]!, like)
    await client.hangUp(server.id)
    await eventually('the server notices', () => seen.includes('gone'))
    assert.deepEqual(seen, ['here', 'gone'])
  }
})

test('the same key is the same peer after a restart', async (t) => {
  const key = await newPeerKey()
  const first = await start(t, { key })
  await first.stop()
  const second = await start(t, { key })
  assert.equal(second.id, first.id)
  assert.equal(unwrap(peerIdOf(key)), first.id)
  const broken = await createPeer({
    key: key.subarray(1),
    network,
    listen: [],
    bootstrap: [],
    clock: Date.now,
    log: silent,
  })
  assert.ok(!broken.ok && broken.fault.code === 'peer-key-malformed')
})

test('peers of another chain, market or version are refused, and both sides know why', async (t) => {
  const here = await start(t)
  for (const other of [
    { ...network, chainId: 1 },
    { ...network, market: `0x${'22'.repeat(20)}` },
    { ...network, version: 2 },
  ]) {
    const there = await start(t, { network: other })
    const refused = await there.dial(addressOf(here))
    assert.ok(!refused.ok && refused.fault.code === 'wrong-network', JSON.stringify(refused))
    assert.match(String(refused.fault.value), /chain 31337, market 0x1111/)
    await eventually('the connection is closed', () => here.stats().connections === 0)
    assert.ok(
      here.lines.some(
        (l) => l.level === 'warn' && l.fields.misconduct === 'wrong-network' && l.fields.peer === there.id,
      ),
    )
    assert.equal(here.peers().length, 0)
    const again = await here.dial(addressOf(there))
    assert.ok(!again.ok && again.fault.code === 'peer-banned')
  }
  assert.equal(here.stats().misconduct['wrong-network'], 3)
  const lower = await start(t, {
    network: { ...network, market: network.market.toUpperCase().replace('X', 'x') },
  })
  assert.ok((await lower.dial(addressOf(here))).ok, 'letters of an address have no case')
})

test('who connects and says nothing, or something else than hello, is dropped', async (t) => {
  const peer = await start(t, { limits: { helloMs: 300 } })
  const mute = await startStranger(t)
  const { multiaddr } = await import('@multiformats/multiaddr')
  await mute.node.dial(multiaddr(addressOf(peer)))
  await eventually(
    'it is dropped',
    () => peer.stats().connections === 0 && mute.node.getConnections().length === 0,
  )
  assert.equal(peer.peers().length, 0)

  const rude = await startStranger(t)
  const connection = await rude.node.dial(multiaddr(addressOf(peer)))
  const stream = await rude.open(connection, '/lockstep/hello/1')
  stream.send(new Uint8Array(2000).fill(0xff))
  await eventually('it is dropped', () => rude.node.getConnections().length === 0)
  assert.equal(peer.stats().misconduct.oversize, 1)
})

test('a port in use, a wrong address and nobody at home are faults that name them', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  t.after(() => taken.close())
  const port = (taken.address() as { port: number }).port
  const base = { key: await newPeerKey(), network, bootstrap: [], clock: Date.now, log: silent }
  const blocked = await createPeer({ ...base, listen: [`/ip4/127.0.0.1/tcp/${port}`] })
  assert.ok(
    !blocked.ok && blocked.fault.code === 'listen-failed' && String(blocked.fault.value).includes(`${port}`),
  )
  for (const bootstrap of [['nonsense'], [TCP]]) {
    const wrong = await createPeer({ ...base, listen: [], bootstrap })
    assert.ok(!wrong.ok && wrong.fault.code === 'address-malformed')
  }
  const peer = await start(t, { limits: { dialMs: 2000 } })
  const nonsense = await peer.dial('nonsense')
  assert.ok(!nonsense.ok && nonsense.fault.code === 'address-malformed')
  const nobody = await peer.dial(`/ip4/127.0.0.1/tcp/${port}/p2p/${unwrap(peerIdOf(await newPeerKey()))}`)
  assert.ok(!nobody.ok && nobody.fault.code === 'peer-unreachable')
  const unknown = await peer.protocol(echo).request(unwrap(peerIdOf(await newPeerKey())), 'x')
  assert.ok(!unknown.ok && unknown.fault.code === 'peer-unreachable')
})

test('a peer that is penalised to the limit is dropped, cannot come back, and may after its ban', async (t) => {
  let now = Date.now()
  const strict = await start(t, { clock: () => now, limits: { banMs: 60_000 } })
  const other = await start(t)
  unwrap(await other.dial(addressOf(strict)))
  strict.penalise(other.id, 'garbage', 'chunk 1')
  assert.equal(strict.peers()[0]!.standing, -50)
  strict.penalise(other.id, 'garbage', 'chunk 2')
  await eventually('it is dropped', () => strict.stats().connections === 0 && strict.stats().banned === 1)
  await eventually('it noticed', () => other.stats().connections === 0)
  assert.ok(!(await other.dial(addressOf(strict))).ok)
  now += 60_001
  await eventually('it may come back', () => strict.stats().banned === 0)
  assert.ok((await other.dial(addressOf(strict))).ok)
})
