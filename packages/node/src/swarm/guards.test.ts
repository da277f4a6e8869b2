import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parseSwarmManifest, type SwarmManifest } from '@lockstep/client'
import type { Hex } from '@lockstep/proof'
import {
  type Arrived,
  decodeReceipt,
  draws,
  encodeSharedGroup,
  groupDigest,
  ownTasks,
  PURPOSE,
  type SwarmTask,
  scoredGroup,
} from '@lockstep/swarm'
import { createWasmExecutor, unwrap } from '@lockstep/tensor'
import { arithmeticOf } from './arithmetic.ts'
import { openHearing, peerHex } from './hearing.ts'
import { type Learner, openLearner } from './learner.ts'
import { modelWork } from './model-work.ts'
import type { RoundView } from './view.ts'

/** What a participant of a swarm on the chain does about groups whose scores are true and which mean harm, and how many groups a round has. */

const manifestOf = (learning: object): SwarmManifest =>
  parseSwarmManifest(
    new TextEncoder().encode(
      JSON.stringify({
        families: [{ family: 'copying' }, { family: 'sorting' }],
        model: { layers: 1, width: 16, heads: 2, context: 28 },
        lengths: { prompt: 20, answer: 8 },
        warmStart: { examples: 16, batch: 16, steps: 2, warmup: 0, rate: 0.01 },
        learning: { groups: 2, groupSize: 4, local: 0, external: 1, batch: 4, ...learning },
      }),
    ),
  )
const executor = await createWasmExecutor()
after(() => executor.close())
const opened = async (learning: object, t: { after: (close: () => void) => void }): Promise<Learner> => {
  const learner = await openLearner(executor, manifestOf(learning))
  t.after(learner.close)
  return learner
}
const [ME, OTHER]: Hex[] = [`0x${'11'.repeat(20)}`, `0x${'22'.repeat(20)}`]
const ROOT: Hex = `0x${'00'.repeat(32)}`
const ROUND = 1

/** Two right answers and two wrong ones of the sender's choice: every score is true. */
const groupBy = ({ families }: Learner, task: SwarmTask, wrong: string): Arrived => {
  const family = families.get(task.family)!
  const right = { text: family.play(task.seed, task.level).solution, ended: true }
  const answers = [right, right, { text: wrong, ended: true }, { text: wrong, ended: true }]
  const group = scoredGroup(family, task, answers)
  assert.deepEqual(
    group.rollouts.map(({ score }) => score === 100),
    [true, true, false, false],
  )
  return { participant: OTHER!, modelRoot: ROOT, group, place: 0 }
}
const drawn = (seat: number) => draws(1, PURPOSE.choice, ROUND, seat)

test('what another calls wrong changes no bit of a guarded participant, and does of one that trusts', async (t) => {
  for (const others of ['better', 'whole'] as const) {
    const learner = await opened(others === 'better' ? {} : { others }, t)
    const first = await learner.first()
    const roots: Hex[] = []
    for (const wrong of ['qqqqq', 'zwzwzw']) {
      const heard = [groupBy(learner, { family: 'copying', level: 0, seed: 3 }, wrong)]
      const { state, external } = await learner.learn(first, [], heard, drawn(0))
      assert.equal(external, 1)
      roots.push(learner.modelRoot(state))
    }
    assert.ok(!roots.includes(learner.modelRoot(first)), 'right answers are learned either way')
    assert.equal(roots[0] === roots[1], others === 'better', others)
  }
})

test("whoever fills a round with one kind of task takes no other kind's place from a guarded participant", async (t) => {
  const times: number[] = []
  for (const guards of [{}, { fromOthers: 'useful' }]) {
    const learner = await opened(guards, t)
    const first = await learner.first()
    const flood = Array.from({ length: 24 }, (_, seed) =>
      groupBy(learner, { family: 'copying', level: 0, seed }, 'qqqqq'),
    )
    const honest = groupBy(learner, { family: 'sorting', level: 0, seed: 3 }, 'qqqqq')
    const { participant, modelRoot, group } = honest
    const { task, rollouts } = group
    const digest = groupDigest(encodeSharedGroup({ participant, modelRoot, round: ROUND, task, rollouts }))
    let learned = 0
    for (let seat = 0; seat < 16; seat++) {
      const by = { participant: ME!, swarm: 1, round: ROUND }
      const { receipt } = await learner.learn(first, [], [...flood, honest], drawn(seat), by)
      if (unwrap(decodeReceipt(receipt!)).groups.includes(digest)) learned++
    }
    times.push(learned)
  }
  const [guarded, unguarded] = times as [number, number]
  // One of two kinds, and one of 25 groups; the draws are always the same.
  assert.ok(guarded >= 4 && unguarded <= 3, `${guarded} and ${unguarded} of 16`)
})

test('a receipt of a guarded update is checked as what it is, and differs for who learns the whole group', async (t) => {
  const guarded = await opened({}, t)
  const open = await opened({ others: 'whole' }, t)
  const first = await guarded.first()
  const heard = groupBy(guarded, { family: 'copying', level: 0, seed: 3 }, 'qqqqq')
  const { task, rollouts } = heard.group
  const message = encodeSharedGroup({
    ...{ participant: OTHER!, modelRoot: ROOT, round: ROUND, task, rollouts },
  })
  const by = { participant: ME!, swarm: 1, round: ROUND }
  const { receipt } = await guarded.learn(first, [], [heard], drawn(0), by)
  const told = unwrap(decodeReceipt(receipt!))
  const evidence = { before: first, groups: [{ message }] }
  assert.deepEqual(unwrap(await guarded.check(told, evidence)).differs, [])
  assert.ok(unwrap(await open.check(told, evidence)).differs.includes('inputs.tokens'))
})

const round = { round: ROUND, seed: `0x${'07'.repeat(32)}` } as unknown as RoundView
const SEAT = 0

/** What a seat writes in a round. */
const write = async (learning: object, t: { after: (close: () => void) => void }) => {
  const manifest = manifestOf(learning)
  const learner = await opened(learning, t)
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-guards-'))
  t.after(() => rm(directory, { recursive: true }))
  const work = modelWork(learner)
  await work.open(join(directory, 'model.state'), true)
  const arithmetic = arithmeticOf(manifest, learner.families)
  const own = arithmetic.ownTasksOf(round, SEAT)
  const question = { seed: arithmetic.seedOf(round), round: ROUND, seat: SEAT, own, shared: [] }
  const { groups } = await work.answer(question)
  return { manifest, learner, groups }
}

test('whose groups teach nothing writes on up to the budget, and who wants none or has none left does not', async (t) => {
  // After two steps no answer is right, so no group teaches anything.
  const wants = { local: 1, external: 0 }
  assert.equal((await write(wants, t)).groups.length, 2)
  assert.equal((await write({ ...wants, budget: 7 }, t)).groups.length, 7)
  assert.equal((await write({ budget: 7 }, t)).groups.length, 2)
})

test('receivers take exactly the budget of a round', async (t) => {
  const { learner, groups } = await write({ local: 1, external: 0, budget: 7 }, t)
  for (const budget of [7, 2]) {
    const manifest = manifestOf({ budget })
    const arithmetic = arithmeticOf(manifest, learner.families)
    const hearing = openHearing(() => ({
      ...{ families: learner.families, kinds: manifest.families, groupSize: 4, tasks: 4 },
      ...{ peerOf: () => peerHex('other'), isLive: () => true },
      ownTasksOf: () => arithmetic.ownTasksOf(round, SEAT),
    }))
    const tell = (task: SwarmTask, rollouts = groups[0]!.group.rollouts) => {
      const shared = { participant: OTHER!, modelRoot: ROOT, round: ROUND, task, rollouts }
      const group = Buffer.from(encodeSharedGroup(shared)).toString('base64')
      return hearing.take({ author: 'other', body: { kind: 'group', swarm: 1, group } })
    }
    const taken = groups.map(({ group: { task, rollouts } }) => tell(task, rollouts))
    const refused = { refused: 'messages', isCertain: true }
    assert.deepEqual(
      taken,
      groups.map((_, i) => (i < budget ? 'taken' : refused)),
    )
    const seed = arithmetic.seedOf(round)
    const beyond = ownTasks(learner.families, manifest.families, {
      ...{ seed, round: ROUND, member: SEAT, count: 8 },
    })[7]!
    assert.deepEqual(tell(beyond), refused)
    assert.equal(hearing.groups(ROUND).length, budget)
  }
})
