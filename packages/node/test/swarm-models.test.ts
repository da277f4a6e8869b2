import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { NETWORK_VERSION, parseOwnModel, withOwnModel } from '@lockstep/client'
import { createPeer, newPeerKey, type Peer, silent } from '@lockstep/network'
import type { Hex } from '@lockstep/proof'
import { families, familyTable, parametersRoot } from '@lockstep/swarm'
import { ok, unwrap } from '@lockstep/tensor'
import { writeAtomic } from '../src/atomic-file.ts'
import {
  askSwarmModels,
  openOwnLearner,
  serveSwarmModel,
  swarmModelProtocol,
  swarmPieceProtocol,
} from '../src/swarm/index.ts'
import { openVillage, VILLAGERS, type Village, villageManifest } from './swarm/village.ts'

/** Participants give their models to a stranger, who knows of them from the chain alone. */

const manifest = villageManifest({
  rounds: {
    ...{ count: 1, tasks: 1, answer: 10_000, critique: 0, resolve: 0 },
    ...{ claim: 10_000, challenge: 10_000, stand: 10_000, expiry: 5_000_000 },
  },
  weights: { answer: 1, critique: 0, prediction: 0, resolve: 0 },
})
const WITHIN_MS = 60_000
let village: Village
let stranger: Peer
before(async () => {
  village = await openVillage()
  const { chainId, addresses } = village.people.deployment
  stranger = unwrap(
    await createPeer({
      ...{ key: await newPeerKey(), clock: Date.now, log: silent, listen: ['/ip4/127.0.0.1/tcp/0'] },
      bootstrap: village.peers.flatMap((peer) => peer.addresses().slice(0, 1)),
      network: { chainId, market: addresses.market, version: NETWORK_VERSION },
    }),
  )
})
after(async () => {
  await stranger?.stop()
  await village?.close()
})

test("participants' models come over the network as they are, and who lies about its own is left out", async () => {
  const swarm = await village.create(manifest)
  const accounts = VILLAGERS.map((name) => village.people[name].address.toLowerCase() as Hex)
  const directories = VILLAGERS.map((name) => join(village.directory, `${swarm}-${name}`))
  // The second has a model of its own.
  const ownFile = join(village.directory, 'own.json')
  const ownText = JSON.stringify({ model: { layers: 1, width: 8, heads: 2, context: 28 } })
  await writeAtomic(ownFile, ownText)
  await mkdir(directories[1]!, { recursive: true })
  const own = await openOwnLearner(directories[1]!, manifest, ownFile)
  assert.deepEqual(own.manifest, withOwnModel(manifest, parseOwnModel(Buffer.from(ownText))))
  const members = [
    await village.open(swarm, 0, manifest),
    await village.open(swarm, 1, manifest, { own }),
    await village.open(swarm, 2, manifest),
  ]
  // Who has left is nobody's to ask: the stranger has read the chain before that.
  let view = members[0]!.view()!
  await village.playOut(members, async () => {
    const now = members[0]!.view()!
    if (now.members.size === VILLAGERS.length) view = now
  })
  for (const at of [0, 1])
    serveSwarmModel(village.peers[at]!, {
      ...{ swarm, account: accounts[at]!, directory: directories[at]!, participant: members[at]! },
      own: at === 1 ? own : { manifest },
    })
  const blamed: string[] = []
  const asking: Pick<Peer, 'protocol' | 'penalise'> = {
    protocol: (definition) => stranger.protocol(definition),
    penalise: (id, what) => blamed.push(`${id} ${what}`),
  }
  const ask = (without: readonly Hex[] = []) =>
    askSwarmModels(asking, {
      ...{ swarm, manifest, families: familyTable(families), view },
      ...{ within: WITHIN_MS, without: new Set(without) },
    })

  // The third serves nothing yet.
  const { models, missing } = await ask()
  assert.deepEqual(missing, [{ account: accounts[2], why: 'protocol-unsupported' }])
  assert.deepEqual(
    models.map(({ account, round, modelRoot }) => [account, round, modelRoot]),
    [0, 1].map((at) => [accounts[at], 1, members[at]!.model().root]),
  )
  for (const { parameters, modelRoot, receipts } of models) {
    assert.equal(parametersRoot(parameters), modelRoot)
    assert.deepEqual(
      receipts.map(({ round, after: { parameters: to } }) => [round, to]),
      [[1, modelRoot]],
    )
  }
  assert.deepEqual(
    models.map(({ model }) => (model.config as { readonly width?: number }).width),
    [16, 8],
  )
  // Nobody but members is asked, and whoever is asked for another says that it is not here.
  assert.deepEqual((await ask(accounts)).models, [])
  const other = await stranger
    .protocol(swarmModelProtocol)
    .request(village.peers[0]!.id, { swarm, account: accounts[1]! })
  assert.equal(other.ok ? '' : other.fault.code, 'model-unknown')
  const beyond = { swarm, account: accounts[0]!, round: 1, piece: 1000 }
  const after = await stranger.protocol(swarmPieceProtocol).request(village.peers[0]!.id, beyond)
  assert.equal(after.ok ? '' : after.fault.code, 'model-unknown')

  // The third says what is not so, of each thing that it says.
  const { modelRoot, parameters } = models[0]!
  const bytes = Buffer.concat(parameters.map(({ data }) => data))
  const honest = { round: 1, own: '{}', modelRoot, receipts: [] as string[] }
  let told = honest
  let given: Uint8Array = bytes
  village.peers[2]!.protocol(swarmModelProtocol).serve(() => ok(told))
  village.peers[2]!.protocol(swarmPieceProtocol).serve(() =>
    ok({ bytes: Buffer.from(given).toString('base64') }),
  )
  const third = async () => {
    const { models: found, missing: not } = await ask(accounts.slice(0, 2))
    return not[0]?.why ?? found[0]!.modelRoot
  }
  assert.equal(await third(), modelRoot)
  assert.deepEqual(blamed, [])
  const flipped = Uint8Array.from(bytes)
  flipped[5]! ^= 1
  const lies: readonly [typeof honest, Uint8Array][] = [
    [honest, flipped],
    [honest, bytes.subarray(4)],
    [{ ...honest, round: 2 }, bytes],
    [{ ...honest, own: '{"model": 1}' }, bytes],
    [{ ...honest, own: '{"model": {"layers": 64, "width": 4096, "heads": 2, "context": 28}}' }, bytes],
    [{ ...honest, receipts: ['AAAA'] }, bytes],
  ]
  for (const [says, gives] of lies) {
    told = says
    given = gives
    assert.equal(await third(), 'model-garbage', says.own)
  }
  assert.deepEqual(blamed, new Array(lies.length).fill(`${village.peers[2]!.id} garbage`))
  for (const member of members) member.close()
})
