import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Hex } from 'viem'
import { swarmPartOf, swarmParts, swarmPartTopic, swarmsTopic } from './message.ts'
import { parseSwarmManifest } from './parse.ts'

const manifest = (most: number, resolve = 0) =>
  parseSwarmManifest(
    new TextEncoder().encode(
      JSON.stringify({
        families: [{ family: 'sorting', level: 1 }],
        participants: { minimum: 1, most },
        rounds: { resolve },
      }),
    ),
  )

test('a large swarm is in parts of about sixteen, one in which all have to hear all is not', () => {
  assert.deepEqual(
    [1, 16, 17, 100, 128].map((most) => swarmParts(manifest(most))),
    [1, 1, 2, 7, 8],
  )
  assert.equal(swarmParts(manifest(128, 300)), 1)
})

test('every account is in one part, and each part has a topic of its own', () => {
  const accounts = Array.from(
    { length: 700 },
    (_, i): Hex => `0x${(i * 7_919).toString(16).padStart(40, 'ab')}`,
  )
  for (const parts of [1, 3, 8]) {
    const sizes = Array.from({ length: parts }, () => 0)
    for (const account of accounts) sizes[swarmPartOf(account, parts)]!++
    assert.ok(sizes.every((size) => size > 0))
  }
  const topics = Array.from({ length: 8 }, (_, part) => swarmPartTopic(part))
  assert.equal(topics[0], swarmsTopic)
  assert.equal(new Set(topics.map(({ name }) => name)).size, 8)
  for (const part of [-1, 8, 0.5]) assert.throws(() => swarmPartTopic(part), RangeError)
})
