import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { payouts, pointsOf, unpackBytes } from '@lockstep/swarm'
import { parseEther } from 'viem'
import type { SwarmMetrics } from '../src/swarm/index.ts'
import { openVillage, VILLAGERS, type Village, villageManifest } from './swarm/village.ts'

/** Whole rounds of a swarm whose participants have only a chain and a network between them. */

const manifest = villageManifest()
let village: Village
before(async () => {
  village = await openVillage()
})
after(() => village?.close())

test('three participants play, settle and learn from two rounds, one of them killed on the way', async () => {
  const swarm = await village.create(manifest)
  const open = (at: number) => village.open(swarm, at, manifest)
  const members = [await open(0), await open(1), await open(2)]
  const first: (string | undefined)[] = []
  let isKilled = false
  await village.playOut(members, async () => {
    for (const [at, member] of members.entries()) first[at] ??= member.model().root
    // Its answers are committed to on the chain, and its salts are nowhere but in its files.
    const isOpen = members[2]!.view()?.rounds[0]?.entries.get(2)?.submitted.includes(0)
    if (isKilled || !isOpen) return
    isKilled = true
    members[2]!.close()
    members[2] = await open(2)
  })
  assert.ok(isKilled)
  const view = members[0]!.view()!
  assert.ok(view.closed)
  assert.equal(view.challenges.size, 0)
  assert.deepEqual(
    view.rounds.map(({ settled }) => settled),
    [true, true],
  )
  for (const { seed, seats, entries, paid } of view.rounds) {
    assert.equal(entries.size, 3)
    const bytes = (word: `0x${string}`) => unpackBytes(word, manifest.rounds.tasks)
    const plays = Array.from({ length: seats }, (_, seat) => {
      const { opened } = entries.get(seat)!
      const [answers, judgements, finals] = [0, 1, 2].map((stage) => bytes(opened!.get(stage)!.scores))
      return {
        answers: answers!,
        judgements: judgements!,
        finals: finals!,
        votes: bytes(opened!.get(2)!.votes),
      }
    })
    // Everybody has heard all answers, so everybody has judged one of each task, and committed to why.
    assert.ok(plays.every(({ judgements }) => judgements.every((judged) => judged === 1 || judged === 101)))
    for (const { opened } of entries.values()) assert.notEqual(BigInt(opened!.get(1)!.root), 0n)
    const outcome = pointsOf(seed, manifest.weights, manifest.rounds.tasks, plays)
    assert.deepEqual(
      paid.map(({ points }) => Number(points)),
      outcome.points.map((points) => points!.total),
    )
    assert.deepEqual(
      paid.map(({ amount }) => amount),
      payouts(parseEther('60'), outcome),
    )
  }
  for (const [at, member] of members.entries()) {
    const { round, root } = member.model()
    assert.equal(round, 2)
    assert.notEqual(root, first[at])
    const lines = await readFile(
      join(village.directory, `${swarm}-${VILLAGERS[at]}`, 'metrics.jsonl'),
      'utf8',
    )
    const metrics = lines
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as SwarmMetrics)
    assert.deepEqual(
      metrics.map((line) => [line.round, line.heard, line.refused]),
      [
        [1, 8, 0],
        [2, 8, 0],
      ],
    )
    assert.ok(metrics.every((line) => line.external > 0 && line.tokens > 0 && line.bytes > 0))
    member.close()
  }
  // All began with the same parameters, and each has learned something of its own.
  assert.equal(first[0], first[1])
  assert.notEqual(members[0]!.model().root, members[1]!.model().root)
})
