import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { canonicalSwarmManifest } from '@lockstep/client'
import type { SwarmMetrics, Turn } from '../src/swarm/index.ts'
import type { ParticipantFile } from './swarm/participant-main.ts'
import { openVillage, type Village, type Villager, villageManifest } from './swarm/village.ts'

/** A participant in a process of its own, its model in another, is killed at each of its points, on a real chain. */

const MAIN = join(import.meta.dirname, 'swarm', 'participant-main.ts')
const POINTS = [
  'did join',
  'saved answers', // saved, and not submitted
  'did play', // submitted, and not claimed
  'computing learn',
  'saved model', // the model is saved, and that it is is not
  'doing claim',
  'doing settle',
  'doing leave',
] as const
const BY_NIGHT = [
  'doing join',
  'computing open',
  'computing answer',
  'did learn',
  'did claim',
  'did leave',
] as const
const points: readonly string[] = process.env.LOCKSTEP_NIGHTLY ? [...POINTS, ...BY_NIGHT] : POINTS
const manifest = villageManifest()

let village: Village
const children = new Set<ChildProcess>()
before(async () => {
  village = await openVillage()
})
after(async () => {
  for (const child of children) child.kill('SIGKILL')
  await village?.close()
})

/** A process that answers each message with one, and whether it is gone. */
type Answering = {
  readonly ask: () => Promise<{ readonly turn?: Turn; readonly error?: string } | 'killed'>
}
const answering = async (path: string): Promise<Answering> => {
  const child = fork(MAIN, [path], { execArgv: ['--disable-warning=ExperimentalWarning'] })
  children.add(child)
  let waiting = Promise.withResolvers<unknown>()
  child.on('message', (message) => waiting.resolve(message))
  const gone = new Promise<'killed'>((resolve, reject) =>
    child.once('exit', (code, signal) => {
      children.delete(child)
      if (signal === 'SIGKILL') resolve('killed')
      else reject(new Error(`a participant ended by itself: ${code} ${signal}`))
    }),
  )
  assert.equal(await Promise.race([waiting.promise, gone]), 'ready')
  return {
    ask: () => {
      waiting = Promise.withResolvers()
      child.send('turn', () => {})
      return Promise.race([waiting.promise, gone]) as ReturnType<Answering['ask']>
    },
  }
}

/** A villager whose process is started again, with the points that are left, whenever it is gone. */
const killed = (
  file: Omit<ParticipantFile, 'points'>,
): Villager & { readonly hit: () => readonly string[] } => {
  let child: Answering | undefined
  const hit = (): string[] => readFileSync(file.hits, 'utf8').split('\n').slice(0, -1)
  const start = (): Promise<Answering> => {
    const path = join(village.directory, 'participant.json')
    const left = points.filter((point) => !hit().includes(point))
    writeFileSync(path, JSON.stringify({ ...file, points: left } satisfies ParticipantFile))
    return answering(path)
  }
  return {
    hit,
    turn: async () => {
      for (;;) {
        child ??= await start()
        const answer = await child.ask()
        if (answer === 'killed') {
          child = undefined
          continue
        }
        assert.equal(answer.error, undefined)
        return answer.turn!
      }
    },
  }
}

test('killed at each point, a participant goes on with the same command, and loses nothing', async () => {
  const swarm = await village.create(manifest)
  const { people, peers } = village
  const { provider, deployer } = people
  const free = await deployer.read.freeStake(provider.address)
  const hits = join(village.directory, 'hits')
  writeFileSync(hits, '')
  const directory = join(village.directory, `${swarm}-killed`)
  const { privateKey } = provider.sign.getHdKey()
  const victim = killed({
    ...{
      rpc: people.chain.url,
      deployment: people.deployment,
      account: provider.address,
      swarm,
      directory,
      hits,
    },
    key: `0x${Buffer.from(privateKey!).toString('hex')}`,
    manifest: canonicalSwarmManifest(manifest),
    bootstrap: peers.map((peer) => peer.addresses()[0]!),
  })
  const others = [await village.open(swarm, 1, manifest), await village.open(swarm, 2, manifest)]
  await village.playOut([victim, ...others])
  assert.deepEqual(victim.hit().toSorted(), [...points].sort(), 'every point was hit, once')
  const view = others[0]!.view()!
  assert.ok(view.closed)
  assert.deepEqual([view.challenges.size, view.slashed.size, view.members.size], [0, 0, 0])
  assert.equal(await deployer.read.freeStake(provider.address), free)
  const account = provider.address.toLowerCase()
  for (const { settled, entries, paid } of view.rounds) {
    assert.ok(settled)
    const own = [...entries.values()].find((entry) => entry.account === account)
    assert.deepEqual([...own!.opened!.keys()], [0, 1, 2], 'all stages were submitted and claimed')
    assert.equal(paid.length, 3)
  }
  const lines = readFileSync(join(directory, 'metrics.jsonl'), 'utf8').trim().split('\n')
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as SwarmMetrics).round),
    [1, 2],
  )
  for (const other of others) other.close()
})
