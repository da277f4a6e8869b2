import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Hex } from '@lockstep/proof'
import {
  decodeReceipt,
  decodeSharedGroup,
  draws,
  encodeReceipt,
  type LearnedGroup,
  PURPOSE,
  type UpdateReceipt,
} from '@lockstep/swarm'
import { unwrap } from '@lockstep/tensor'
import { openLearner } from '../src/swarm/index.ts'
import { disputedManifest, openSwarmTable, playOut, type SwarmTable } from './swarm-table.ts'

/** What participants say of their updates is enough for a stranger who has only listened. */

const manifest = disputedManifest({
  model: { layers: 1, width: 16, heads: 2, context: 28 },
  warmStart: { examples: 256, batch: 16, steps: 80, warmup: 8, rate: 0.01 },
  learning: { groups: 4, groupSize: 4, local: 2, external: 2, batch: 8, reward: 'score', rate: 0.001 },
})
let table: SwarmTable
before(async () => {
  table = await openSwarmTable()
})
after(() => table?.close())

test('a stranger who has heard the groups runs every update again and comes to what its receipt says', async () => {
  const swarm = await table.create(manifest)
  const names = ['provider', 'ann'] as const
  const members = [await table.open(names[0], swarm, manifest), await table.open(names[1], swarm, manifest)]
  await playOut(table, () => members)
  const round = members[0]!.view()!.rounds[0]!
  for (const member of members) member.close()

  const learner = await openLearner(table.executor, manifest)
  const first = await learner.first()
  const messages = new Map<string, Uint8Array>()
  const receipts: UpdateReceipt[] = []
  for (const body of table.said) {
    if (body.kind === 'group') messages.set(body.group, Buffer.from(body.group, 'base64'))
    if (body.kind === 'receipt') receipts.push(unwrap(decodeReceipt(Buffer.from(body.receipt, 'base64'))))
  }
  assert.deepEqual(
    new Set(receipts.map(({ participant }) => participant)),
    new Set(names.map((name) => table.people[name].address.toLowerCase())),
  )
  for (const receipt of receipts) {
    const kept = join(table.directoryOf(nameOf(receipt.participant), swarm), 'round-1.receipt')
    assert.deepEqual(new Uint8Array(await readFile(kept)), encodeReceipt(receipt))
    // What a participant wrote itself it learns by its own tokens, which follow from its model and the round.
    const seat = [...round.entries].find(([, { account }]) => account === receipt.participant)![0]
    const heard = [...messages.values()].map((message) => ({
      message,
      shared: unwrap(decodeSharedGroup(message)),
    }))
    const own = heard.filter(({ shared }) => shared.participant === receipt.participant)
    const drawn = draws(Number(BigInt(round.seed) & 0xffffffffn), PURPOSE.generation, 1, seat)
    const tasks = own.map(({ shared }) => shared.task)
    const written = await learner.groups(first, tasks, drawn.word())
    assert.deepEqual(
      written.map(({ group }) => group.rollouts),
      own.map(({ shared }) => shared.rollouts),
    )
    const groups: LearnedGroup[] = heard.map(({ message }) => {
      const at = own.findIndex((one) => one.message === message)
      return at < 0 ? { message } : { message, written: written[at]!.completions }
    })
    const found = unwrap(await learner.check(receipt, { before: first, groups }))
    assert.deepEqual(found.differs, [])
    const lied = { ...receipt, after: receipt.before }
    const { differs } = unwrap(await learner.check(lied, { before: first, groups }))
    assert.deepEqual(differs, ['after.state', 'after.parameters'])
  }
  learner.close()
})

const nameOf = (account: Hex) =>
  account === table.people.ann.address.toLowerCase() ? ('ann' as const) : ('provider' as const)
