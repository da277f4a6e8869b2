import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  canonicalSwarmManifest,
  fetchSwarmManifest,
  parseSwarmManifest,
  serveSwarmManifests,
  swarmManifestHash,
  swarmManifestProtocol,
} from '@lockstep/client'
import type { Misconduct } from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import { addressOf, eventually, pause, start, type TestPeer } from '../../network/test/company.ts'
import { frame, startStranger } from '../../network/test/stranger.ts'
import { OF_PARTICIPANTS } from './hostile/definitions.ts'
import { spoil } from './hostile/spoiled.ts'

/** What participants of swarms serve beside what every node does, asked and answered by strangers without manners. */

const manifest = parseSwarmManifest(Buffer.from('families: [{family: sorting}]'))
const other = parseSwarmManifest(Buffer.from('families: [{family: sorting}]\nseed: 2'))
const hash = swarmManifestHash(manifest)
const { name, version, maxRequestBytes, maxResponseBytes, rate } = swarmManifestProtocol
const json = (value: unknown): Uint8Array => frame(JSON.stringify(value))

const serving = async (t: TestContext): Promise<TestPeer> => {
  const peer = await start(t)
  serveSwarmManifests(peer, [manifest])
  return peer
}

/** A stranger that puts bytes on a stream of the protocol each time it is told to, and reads nothing. */
const strangerTo = async (t: TestContext, peer: TestPeer) => {
  const stranger = await startStranger(t)
  const connection = await stranger.meet(peer)
  return {
    isConnected: () => stranger.node.getConnections().length > 0,
    put: async (bytes: Uint8Array): Promise<void> => {
      const stream = await stranger.open(connection, `${stranger.prefix}/${name}/${version}`)
      stream.addEventListener('message', () => {})
      stream.send(bytes)
      await stream.close()
    },
  }
}

test('each protocol of participants is attacked here', () => {
  assert.deepEqual(
    OF_PARTICIPANTS.map((one) => one.name),
    [name],
  )
})

test('questions that do not fit cost standing, whoever asks too many such is dropped, and others are served', async (t) => {
  const peer = await serving(t)
  const malformed = [
    frame(''),
    frame('no json'),
    frame('[]'),
    frame(Uint8Array.of(0xff, 0xfe)),
    ...spoil(swarmManifestProtocol.request, { hash }).map(({ value }) => json(value)),
  ].filter(({ length }) => length <= maxRequestBytes)
  const oversize = [
    Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1),
    frame(JSON.stringify({ hash }).padEnd(maxRequestBytes + 1, ' ')),
  ]
  const attack = async (kind: Misconduct, questions: readonly Uint8Array[]): Promise<void> => {
    const before = peer.stats().misconduct[kind]!
    for (let at = 0; at < questions.length; at += 4) {
      const stranger = await strangerTo(t, peer)
      const some = questions.slice(at, at + 4)
      for (const [i, question] of some.entries()) {
        await stranger.put(question)
        await eventually(
          `${kind}: ${Buffer.from(question)}`,
          () => peer.stats().misconduct[kind]! > before + at + i,
        )
      }
      if (some.length === 4) await eventually('it is dropped', () => !stranger.isConnected())
    }
  }
  await attack('malformed', malformed)
  await attack('oversize', oversize)
  const honest = await start(t)
  unwrap(await honest.dial(addressOf(peer)))
  assert.deepEqual(unwrap(await fetchSwarmManifest(honest, hash, 60_000)), manifest)
})

test('a flood of good questions is cut to the rate and held against who asks', async (t) => {
  const peer = await serving(t)
  const stranger = await strangerTo(t, peer)
  // Bounded: forty times what may be asked at once.
  for (let i = 0; i < 40 * rate.burst && stranger.isConnected(); i++) {
    await Promise.race([stranger.put(json({ hash })).catch(() => {}), pause(500)])
    if (peer.stats().misconduct.flood! > 0) break
  }
  await eventually('it is held against who floods', () => peer.stats().misconduct.flood! > 0)
})

for (const [what, answer] of Object.entries({
  'no JSON': frame('no json'),
  'a value and a fault': json({ value: { manifest: 'x' }, fault: 'y' }),
  'a length without end': Uint8Array.of(0xff, 0xff, 0xff, 0xff),
  'more than an answer has': json({ value: { manifest: 'x'.repeat(maxResponseBytes) } }),
  'another manifest': json({ value: { manifest: canonicalSwarmManifest(other) } }),
  'no manifest': json({ value: { manifest: 'families: 7' } }),
}))
  test(`an answer that is ${what} is not believed and costs its sender standing`, async (t) => {
    const victim = await start(t)
    const liar = await startStranger(t)
    await liar.node.handle(`${liar.prefix}/${name}/${version}`, async (stream) => {
      stream.send(answer)
      await stream.close()
    })
    unwrap(await victim.dial(String(liar.node.getMultiaddrs()[0])))
    const found = await fetchSwarmManifest(victim, hash, 0)
    assert.ok(!found.ok && found.fault.code === 'manifest-unknown')
    const { malformed, oversize } = victim.stats().misconduct
    assert.equal(malformed! + oversize!, 1)
  })
