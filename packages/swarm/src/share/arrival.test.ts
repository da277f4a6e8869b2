import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Hex } from '@lockstep/proof'
import { type Families, familyTable, type SwarmTask } from '../learn/group.ts'
import { sorting } from '../tasks/sorting.ts'
import { heldOutSeeds } from '../tasks/split.ts'
import { type ArrivalRules, arrive, EMPTY_POOL, type Pool } from './arrival.ts'
import { type OwnTask, ownTasks } from './own-tasks.ts'
import { encodeSharedGroup, type SharedGroup } from './shared-group.ts'

const families: Families = familyTable([sorting])
const [alice, bob]: Hex[] = [`0x${'aa'.repeat(20)}`, `0x${'bb'.repeat(20)}`]
const kinds = [{ family: sorting.name, level: 2 }]
const tasksFor = (member: number): OwnTask[] =>
  ownTasks(families, kinds, { seed: 7, round: 3, member, count: 2 })
const mine = new Map([
  [alice!, tasksFor(0)],
  [bob!, tasksFor(1)],
])
const rules: ArrivalRules = { round: 3, families, kinds, groupSize: 4, tasksOf: (who) => mine.get(who) }

const shared = (change: Partial<SharedGroup> = {}, task: SwarmTask = mine.get(alice!)![0]!): SharedGroup => {
  const { solution } = families.get(task.family)!.play(task.seed, task.level)
  const answers = [solution, '1', '22', '']
  return {
    participant: alice!,
    modelRoot: `0x${'00'.repeat(32)}`,
    round: 3,
    task,
    rollouts: answers.map((text) => ({
      text,
      ended: true,
      score: sorting.run(task.seed, task.level, text).score,
    })),
    ...change,
  }
}
const send = (group: SharedGroup, sender = alice!, pool: Pool = EMPTY_POOL) =>
  arrive(pool, encodeSharedGroup(group), sender, rules)
const refused = (arrival: ReturnType<typeof send>, field: string): void => {
  assert.ok(!arrival.verdict.ok)
  assert.equal(arrival.verdict.fault.field, field)
  assert.equal(arrival.pool.groups.length, 0)
}

test('an honest group is taken with its scores as the receiver computes them', () => {
  const { pool, verdict } = send(shared())
  assert.ok(verdict.ok)
  assert.equal(pool.groups.length, 1)
  assert.deepEqual(verdict.value.group.rollouts, shared().rollouts)
  assert.equal(verdict.value.group.rollouts[0]!.score, 100)
  assert.equal(EMPTY_POOL.groups.length, 0)
})

test('a false reward is refused, whichever way it is false', () => {
  const honest = shared()
  for (const at of [0, 1]) {
    const rollouts = honest.rollouts.map((r, i) =>
      i === at ? { ...r, score: r.score === 100 ? 99 : 100 } : r,
    )
    refused(send({ ...honest, rollouts }), `rollouts[${at}].score`)
  }
  // Who claims a reward for an answer that was cut off claims one that nobody gives.
  refused(
    send({ ...honest, rollouts: honest.rollouts.map((r) => ({ ...r, ended: false })) }),
    'rollouts[0].score',
  )
})

test("tasks that are held out, another's, or of another round or family are refused", () => {
  const [heldOut] = heldOutSeeds(sorting, 2, 1)
  refused(send(shared({}, { family: sorting.name, level: 2, seed: heldOut! })), 'task.seed')
  refused(send(shared({}, mine.get(bob!)![0]!)), 'task.seed')
  refused(send({ ...shared(), task: { ...shared().task, family: 'none' } }), 'task.family')
  refused(send(shared({ round: 4 })), 'round')
  refused(send(shared({ rollouts: shared().rollouts.slice(1) })), 'rollouts')
  refused(send(shared({ participant: bob! })), 'participant')
  refused(arrive(EMPTY_POOL, encodeSharedGroup(shared()), `0x${'cc'.repeat(20)}`, rules), 'participant')
})

test('a group that is sent again, or copied from another account, is refused; what all would answer is not', () => {
  const everybodys: ArrivalRules = { ...rules, tasksOf: () => mine.get(alice!) }
  const first = arrive(EMPTY_POOL, encodeSharedGroup(shared()), alice!, everybodys)
  const again = arrive(first.pool, encodeSharedGroup(shared()), alice!, everybodys)
  assert.ok(!again.verdict.ok && again.verdict.fault.field === 'task')
  const copy = shared({ participant: bob!, rollouts: [...shared().rollouts].reverse() })
  const copied = arrive(first.pool, encodeSharedGroup(copy), bob!, everybodys)
  assert.ok(!copied.verdict.ok && copied.verdict.fault.field === 'rollouts')
  const { solution } = sorting.play(shared().task.seed, 2)
  const same = new Array(4).fill({ text: solution, ended: true, score: 100 })
  const one = arrive(EMPTY_POOL, encodeSharedGroup(shared({ rollouts: same })), alice!, everybodys)
  const other = arrive(
    one.pool,
    encodeSharedGroup(shared({ participant: bob!, rollouts: same })),
    bob!,
    everybodys,
  )
  assert.ok(one.verdict.ok && other.verdict.ok)
})

test('a flood is not read: after as many messages as a participant has tasks nothing more is', () => {
  let pool: Pool = EMPTY_POOL
  for (let i = 0; i < 2; i++) pool = arrive(pool, Uint8Array.of(1, 2, 3), alice!, rules).pool
  const { verdict, pool: after } = arrive(pool, encodeSharedGroup(shared()), alice!, rules)
  assert.ok(!verdict.ok && verdict.fault.field === 'messages')
  assert.equal(after, pool)
  assert.ok(
    arrive(pool, encodeSharedGroup(shared({ participant: bob! }, mine.get(bob!)![0]!)), bob!, rules).verdict
      .ok,
  )
})

test('where a kind has a range, a task of its own may be at any level of it, and counts once', () => {
  const range = [{ family: sorting.name, level: 2, most: 4 }]
  const ranged: ArrivalRules = { ...rules, kinds: range }
  const at = (level: number, member = 0): OwnTask =>
    ownTasks(families, range, { seed: 7, round: 3, member, count: 2, levels: [level] })[0]!
  const take = (level: number, pool: Pool = EMPTY_POOL) =>
    arrive(pool, encodeSharedGroup(shared({}, at(level))), alice!, ranged)
  for (const level of [2, 3, 4]) assert.equal(take(level).pool.groups[0]!.group.task.level, level)
  for (const level of [1, 5]) refused(take(level), 'task.seed')
  refused(arrive(EMPTY_POOL, encodeSharedGroup(shared({}, at(3, 1))), alice!, ranged), 'task.seed')
  const twice = take(4, take(3).pool)
  assert.ok(!twice.verdict.ok && twice.verdict.fault.field === 'task')
})
