import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { encodeNetworkFile, faucetProtocol, NETWORK_VERSION } from '@lockstep/client'
import { createPeer, newPeerKey, type Peer, silent } from '@lockstep/network'
import { dripFrom } from '@lockstep/node'
import { ok, unwrap } from '@lockstep/tensor'
import { gatherPeople, type People, type Person } from '../../../packages/contracts/test/market-people.ts'
import { jsonOf, lockstep, type Started, start, workplace } from './lockstep.ts'

/** A swarm by its commands alone, from one home to another, over a chain and a network. */

const LARGE = { answer: 10_000, claim: 10_000, challenge: 10_000, stand: 10_000, expiry: 5_000_000 }
const manifest = {
  families: [{ family: 'sorting', level: 1, most: 3 }],
  model: { layers: 1, width: 16, heads: 2, context: 28 },
  lengths: { prompt: 20, answer: 8 },
  warmStart: { examples: 32, batch: 16, steps: 4, warmup: 1 },
  learning: { groups: 4, groupSize: 4, local: 2, external: 2, batch: 8 },
  rounds: { count: 2, tasks: 2, ...LARGE },
  participants: { minimum: 2, most: 3 },
  ...{ stake: '100', reward: '60', deposit: '10' },
  proof: { window: 50_000, clock: 20_000, segment: 9_000, step: 9_000, move: 9_000 },
}

/** Six processes of the command line, half a minute of a core: by night. */
const isAsked = process.env.LOCKSTEP_NIGHTLY !== undefined
const skip = isAsked ? false : 'by night, with LOCKSTEP_NIGHTLY=1'

let people: People
let relay: Peer
let directory = ''
const running = new Set<Started>()
before(async () => {
  if (!isAsked) return
  people = await gatherPeople()
  directory = await workplace()
  const { deployment } = people
  const { chainId, addresses } = deployment
  relay = unwrap(
    await createPeer({
      ...{ key: await newPeerKey(), bootstrap: [], clock: Date.now, log: silent },
      network: { chainId, market: addresses.market, version: NETWORK_VERSION },
      listen: ['/ip4/127.0.0.1/tcp/0'],
    }),
  )
  const drip = dripFrom(people.deployer.connection, addresses.faucet!)
  relay.protocol(faucetProtocol).serve(async ({ to }) => {
    unwrap(await drip(to))
    return ok({ given: to })
  })
  const network = {
    ...{ ...deployment, rpc: people.chain.url, bootstrap: relay.addresses().slice(0, 1) },
  }
  await writeFile(join(directory, 'net.json'), encodeNetworkFile(network))
  await writeFile(join(directory, 'swarm.yaml'), JSON.stringify(manifest))
  await writeFile(join(directory, 'own.yaml'), 'model: {layers: 1, width: 8, heads: 2, context: 28}')
  for (const name of ['requester', 'ann'] as const) {
    const { privateKey } = (people[name] as Person).sign.getHdKey()
    const key = `0x${Buffer.from(privateKey!).toString('hex')}`
    await writeFile(join(directory, `${name}.key`), key, { mode: 0o600 })
    const imported = await lockstep(directory, 'account', 'import', `${name}.key`, 'main', '--home', name)
    assert.equal(imported.code, 0, imported.stderr)
  }
})
after(async () => {
  for (const process of running) process.kill('SIGKILL')
  await relay?.stop()
  await people?.chain.stop()
  if (directory !== '') await rm(directory, { recursive: true, force: true })
})

const command = (home: string, ...args: readonly string[]): readonly string[] => [
  ...['swarm', ...args, '--home', home, '--network', 'net.json', '--json'],
]
const begin = (...args: readonly string[]): Started => {
  const started = start(directory, ...args)
  running.add(started)
  void started.ended.then(() => running.delete(started))
  return started
}

test('a swarm is joined from another home by a delegated key and an own model, and left with the stake free', {
  skip,
}, async () => {
  const { ann } = people
  const created = await lockstep(directory, ...command('requester', 'create', 'swarm.yaml', '--yes'))
  assert.equal(created.code, 0, created.stderr)
  const { swarm } = jsonOf(created)
  const free = await ann.read.freeStake(ann.address)
  // The creator looks on, and gives the manifest to whoever asks.
  const watch = begin(...command('requester', 'watch', `${swarm}`))
  const own = ['--delegate', '--model', 'own.yaml', '--stream']
  const join = begin(...command('ann', 'join', `${swarm}`, ...own))
  await join.said('"event":"did","duty":{"do":"join"}')
  // The creator asks whoever has joined for its model, merges what it was given, and makes the same again.
  const merge = ['merge', `${swarm}`, '--ask', '60', '--method', 'average', '--tasks', '1', '--out', 'merged']
  const merged = await lockstep(directory, ...command('requester', ...merge))
  assert.equal(merged.code, 0, merged.stderr)
  assert.deepEqual(
    jsonOf(merged).members.map(({ name, round }: { name: string; round: number }) => [name, round]),
    [[ann.address.toLowerCase(), 0]],
  )
  const checked = await lockstep(directory, ...command('requester', 'check', 'merged'))
  assert.equal(checked.code, 0, checked.stderr)
  join.kill('SIGINT')
  const joined = await join.ended
  assert.match(joined.stdout, /"do":"join"/, joined.stderr)
  assert.match(joined.stderr, /asking peers for the manifest/)
  assert.equal(await ann.read.freeStake(ann.address), free - 100n * 10n ** 18n)
  // Another model is not what it joined with.
  const other = await lockstep(directory, ...command('ann', 'join', `${swarm}`, '--model', 'swarm.yaml'))
  assert.equal(other.code, 2)
  watch.kill('SIGINT')
  const left = await lockstep(directory, ...command('ann', 'leave', `${swarm}`, '--delegate'))
  assert.equal(left.code, 0, left.stderr)
  assert.equal(jsonOf(left).left, true)
  assert.equal(await ann.read.freeStake(ann.address), free)
  await watch.ended
})
