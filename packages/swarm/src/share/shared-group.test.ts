import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unwrap } from '@lockstep/tensor'
import { decodeSharedGroup, encodeSharedGroup, SHARE_LIMITS, type SharedGroup } from './shared-group.ts'

const group: SharedGroup = {
  participant: `0x${'0a'.repeat(20)}`,
  modelRoot: `0x${'bc'.repeat(32)}`,
  round: 70_000,
  task: { family: 'sorting', seed: 0x7fffffff, level: 15 },
  rollouts: [
    { text: '1 2 3', ended: true, score: 100 },
    { text: '', ended: false, score: 0 },
    { text: '~'.repeat(96), ended: true, score: 37 },
  ],
}

test('a shared group comes back from its bytes', () => {
  const bytes = encodeSharedGroup(group)
  assert.deepEqual(unwrap(decodeSharedGroup(bytes)), group)
  assert.deepEqual(encodeSharedGroup(unwrap(decodeSharedGroup(bytes))), bytes)
})

test('no other bytes are a shared group: cut, longer, or with a field out of bounds', () => {
  const bytes = encodeSharedGroup(group)
  for (let length = 0; length < bytes.length; length++)
    assert.equal(decodeSharedGroup(bytes.subarray(0, length)).ok, false)
  assert.equal(decodeSharedGroup(Uint8Array.of(...bytes, 0)).ok, false)
  assert.equal(decodeSharedGroup(new Uint8Array(SHARE_LIMITS.bytes + 1)).ok, false)
  const bad: [Partial<SharedGroup>, string][] = [
    [{ rollouts: [] }, 'rollouts'],
    [{ rollouts: [{ text: 'a', ended: true, score: 101 }, group.rollouts[0]!] }, 'score'],
    [{ rollouts: [{ text: 'a\n', ended: true, score: 1 }, group.rollouts[0]!] }, 'text'],
    [{ rollouts: [{ text: 'a'.repeat(97), ended: true, score: 1 }, group.rollouts[0]!] }, 'text'],
    [{ task: { ...group.task, level: 16 } }, 'task.level'],
    [{ task: { ...group.task, family: 'f'.repeat(33) } }, 'task.family'],
    [{ rollouts: new Array(65).fill(group.rollouts[0]) }, 'rollouts'],
  ]
  for (const [change, field] of bad) {
    const decoded = decodeSharedGroup(encodeSharedGroup({ ...group, ...change }))
    assert.ok(!decoded.ok && decoded.fault.field === `shared group.${field}`, field)
  }
})

test('any byte flipped either is refused or means something else, never an exception', () => {
  const bytes = encodeSharedGroup(group)
  for (let at = 0; at < bytes.length; at++)
    for (const bit of [1, 16, 128]) {
      const decoded = decodeSharedGroup(bytes.with(at, bytes[at]! ^ bit))
      if (decoded.ok) assert.notDeepEqual(decoded.value, group)
    }
})
