import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type SwarmManifest, swarmTermsOf } from '@lockstep/client'
import { type MarketChain, readMinimumBond } from '@lockstep/contracts'
import type { Hex, TraceSource } from '@lockstep/proof'
import { claimScore, pointsOf, scoreTask, scoreTrace, unpackBytes } from '@lockstep/swarm'
import { parseEther } from 'viem'
import type { Name } from '../../contracts/test/market-people.ts'
import { lyingSource } from '../../proof/test/lying-source.ts'
import type { Participant } from '../src/swarm/index.ts'
import {
  falseHistory,
  keptAnswers,
  type Lies,
  lyingMarket,
  lyingPlayer,
  questionOf,
  standFalsely,
} from './swarm-liar.ts'
import { disputedManifest, openSwarmTable, playOut, type Seated, type SwarmTable } from './swarm-table.ts'

/** Participants whose scores are in doubt, on a real chain, from the lie to the last unit of money. */

const manifest = disputedManifest()
const [level, stake] = [manifest.families[0]!.level, parseEther('100')]
let table: SwarmTable
before(async () => {
  table = await openSwarmTable()
})
after(() => table?.close())

const stakeOf = async (name: Name): Promise<bigint> =>
  (await table.people[name].read.account(table.people[name].address)).stake
const creditOf = async (name: Name): Promise<bigint> =>
  (await table.people[name].read.account(table.people[name].address)).credit
const coinsOf = (name: Name): Promise<bigint> =>
  table.people[name].connection.reader.getBalance({ address: table.people[name].address })
const inDisputes = (name: Name): Promise<bigint> =>
  table.people[name].disputes.credit(table.people[name].address)

/** Scores that are as wrong as they can be. */
const opposite = (score: number): number => (score === 100 ? 0 : 100)

/** The score of a first answer that somebody has kept. */
const scoreIn = (seed: Hex, directory: string, stage = 0): number =>
  claimScore(questionOf(seed, level, keptAnswers(directory, stage).texts[0]!)).score

/** Somebody at the table who commits to what it likes, once it has computed the truth. */
const openLiar = async (
  swarm: number,
  of: SwarmManifest,
  lieIn: (stage: number, seed: Hex, directory: string) => number | undefined,
): Promise<{ readonly liar: Participant; readonly said: ReadonlyMap<number, number> }> => {
  const directory = table.directoryOf('liar', swarm)
  const said = new Map<number, number>()
  const lies: Lies = (stage) => {
    const known = said.get(stage) ?? lieIn(stage, liar.view()!.rounds[0]!.seed, directory)
    if (known === undefined) return undefined
    said.set(stage, known)
    return [known]
  }
  const liar = await table.open('liar', swarm, of, lyingMarket(table.people.liar, directory, lies))
  return { liar, said }
}
/** Says of its first answer that it scores what it does not. */
const aboutItself = (stage: number, seed: Hex, directory: string): number | undefined =>
  stage === 0 ? opposite(scoreIn(seed, directory)) : undefined

const addressOf = (name: Name): Hex => table.people[name].address.toLowerCase() as Hex

/** Somebody who has no more duties than to be let go on. */
const idle = { did: 0, next: undefined, over: true }

test('a false score that nobody stands by is slashed, by participants alone', async () => {
  const swarm = await table.create(manifest)
  const { liar } = await openLiar(swarm, manifest, aboutItself)
  const honest = await table.open('provider', swarm, manifest)
  const before = { liar: await stakeOf('liar'), provider: await creditOf('provider') }
  await playOut(table, () => [liar, honest])
  const view = honest.view()!
  assert.deepEqual(
    [...view.challenges.values()].map(({ status, challenger }) => [status, challenger]),
    [['ended', table.people.provider.address.toLowerCase()]],
  )
  assert.ok(view.slashed.has(table.people.liar.address.toLowerCase() as Hex))
  assert.equal(await stakeOf('liar'), before.liar - stake)
  // Half of the stake, and all of the round's reward if its own answer has scored anything.
  const paid = view.rounds[0]!.paid.reduce((sum, { amount }) => sum + amount, 0n)
  assert.ok(view.rounds[0]!.paid.every(({ account }) => account !== table.people.liar.address.toLowerCase()))
  assert.equal(await creditOf('provider'), before.provider + stake / 2n + paid)
  liar.close()
  honest.close()
})

test('a false score with a false history is disputed, convicted by the referee, and paid for by the liar', async () => {
  const swarm = await table.create(manifest)
  const { liar, said } = await openLiar(swarm, manifest, aboutItself)
  const honest = await table.open('provider', swarm, manifest)
  const { liar: market, requester } = table.people
  const minimumBond = await readMinimumBond(requester.connection, requester.addresses.disputes)
  const terms = swarmTermsOf(manifest, { now: 0, minimumBond })
  const before = {
    liar: await stakeOf('liar'),
    honest: await creditOf('provider'),
    coins: await coinsOf('provider'),
  }
  let claim: Hex | undefined
  let lie: Awaited<ReturnType<typeof falseHistory>> | undefined
  const standing: Seated = {
    turn: async () => {
      const challenge = [...(liar.view()?.challenges.values() ?? [])].find(({ status }) => status === 'open')
      if (challenge === undefined || claim !== undefined) return idle
      const kept = keptAnswers(table.directoryOf('liar', swarm))
      const question = questionOf(liar.view()!.rounds[0]!.seed, level, kept.texts[0]!)
      lie = await falseHistory(question, said.get(0)!, table.executor)
      claim = await standFalsely(market, terms, challenge.challenge, kept, question, lie.source)
      return { ...idle, did: 1 }
    },
  }
  const defending = lyingPlayer(
    market,
    'claimant',
    () => claim,
    () => lie!.source,
    liar.view,
  )
  await playOut(table, () => [liar, honest, standing, defending])
  const view = honest.view()!
  const [dispute] = [...view.disputes.values()]
  assert.equal(view.disputes.size, 1)
  assert.deepEqual([dispute!.challenger, dispute!.outcome], [addressOf('provider'), 'challenger'])
  assert.equal(view.claims.get(claim!)!.status, 'fallen')
  // By the referee, which computed the last step, and not by the clock.
  const decided = (await table.told('Decided')) as readonly { readonly late: boolean }[]
  assert.equal(decided.at(-1)!.late, false)
  assert.ok(view.slashed.has(addressOf('liar')))
  assert.equal(await stakeOf('liar'), before.liar - stake)
  const paid = view.rounds[0]!.paid.reduce((sum, { amount }) => sum + amount, 0n)
  assert.equal(await creditOf('provider'), before.honest + stake / 2n + paid)
  // Its bond came back with a part of the liar's, and out of Disputes.
  assert.equal(await inDisputes('provider'), 0n)
  assert.ok((await coinsOf('provider')) > before.coins)
  lie!.close()
  liar.close()
  honest.close()
})

const threeStages = disputedManifest({
  rounds: {
    ...{ count: 1, tasks: 1, answer: 10_000, critique: 10_000, resolve: 10_000, judging: 'family' },
    ...{ claim: 10_000, challenge: 10_000, stand: 10_000, expiry: 5_000_000 },
  },
  weights: { answer: 2, critique: 1, prediction: 1, resolve: 2 },
})

test('a false judgement of another answer pays nothing, costs the other nothing, and is no cause for a slash', async () => {
  const swarm = await table.create(threeStages)
  const { liar, said } = await openLiar(swarm, threeStages, (stage, seed) =>
    // A judgement is one more than the score; the honest participant's answer is the one that it judges.
    stage === 1 ? 1 + opposite(scoreIn(seed, table.directoryOf('provider', swarm))) : undefined,
  )
  const honest = await table.open('provider', swarm, threeStages)
  await playOut(table, () => [liar, honest])
  const view = honest.view()!
  const { seed, entries, paid } = view.rounds[0]!
  const plays = [0, 1].map((seat) => {
    const opened = entries.get(seat)!.opened!
    const [answers, judgements, finals] = [0, 1, 2].map((stage) => unpackBytes(opened.get(stage)!.scores, 1))
    const votes = unpackBytes(opened.get(2)!.votes, 1)
    return { answers: answers!, judgements: judgements!, finals: finals!, votes }
  })
  const at = entries.get(0)!.account === addressOf('liar') ? 0 : 1
  assert.deepEqual(plays[at]!.judgements, [said.get(1)!])
  const { points } = pointsOf(seed, threeStages.weights, 1, plays)
  assert.deepEqual([points[at]!.critique, points[1 - at]!.critique], [0, 100])
  // What the chain paid is by those points.
  assert.deepEqual(
    paid.map(({ account, points: of }) => [account, Number(of)]),
    points.flatMap((one, seat) => (one!.total > 0 ? [[entries.get(seat)!.account, one!.total]] : [])),
  )
  assert.deepEqual([view.challenges.size, view.slashed.size], [0, 0])
  liar.close()
  honest.close()
})

test('a false score of a final answer is challenged as one of a first answer is', async () => {
  const swarm = await table.create(threeStages)
  const { liar } = await openLiar(swarm, threeStages, (stage, seed, directory) =>
    stage === 2 ? opposite(scoreIn(seed, directory, 2)) : undefined,
  )
  const honest = await table.open('provider', swarm, threeStages)
  await playOut(table, () => [liar, honest])
  const view = honest.view()!
  assert.deepEqual(
    [...view.challenges.values()].map(({ stage, account, status }) => [stage, account, status]),
    [[2, addressOf('liar'), 'ended']],
  )
  assert.deepEqual([...view.slashed], [addressOf('liar')])
  liar.close()
  honest.close()
})

test('an honest score is defended against a liar in Disputes, by a participant that is killed on the way', async () => {
  const swarm = await table.create(manifest)
  const { provider, liar, ben } = table.people
  // Killed once behind each thing that it puts on the chain.
  const deaths = new Set(['createTask', 'claim', 'stand', 'move', 'finalize'])
  const mortal =
    <A extends unknown[], R>(name: string, call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const done = await call(...args)
      if (deaths.delete(name)) throw new Killed(name)
      return done
    }
  const market: MarketChain = {
    ...provider,
    send: (call) =>
      call.name === 'swarms.stand' ? mortal('stand', provider.send)(call) : provider.send(call),
    disputes: {
      ...provider.disputes,
      createTask: mortal('createTask', provider.disputes.createTask),
      claim: mortal('claim', provider.disputes.claim),
      submit: mortal('move', provider.disputes.submit),
      finalize: mortal('finalize', provider.disputes.finalize),
    },
  }
  let honest = await table.open('provider', swarm, manifest, market)
  const other = await table.open('ann', swarm, manifest)
  let kills = 0
  const defended: Seated = {
    turn: async () => {
      try {
        return await honest.turn()
      } catch (error) {
        if (!(error instanceof Killed)) throw error
        kills++
        honest.close()
        honest = await table.open('provider', swarm, manifest, market)
        return { ...idle, did: 1, over: false }
      }
    },
  }
  const before = { stake: await stakeOf('provider'), ben: await creditOf('ben') }
  const coins = await coinsOf('provider')
  let challenge: number | undefined
  let claim: Hex | undefined
  let lie: TraceSource | undefined
  // Ben challenges a true score, and what stands by it.
  const malice: Seated = {
    turn: async () => {
      const view = other.view()
      const seat = view?.members.get(addressOf('provider'))?.seat
      const entry = seat === undefined ? undefined : view?.rounds[0]?.entries.get(seat)
      if (challenge === undefined && entry?.opened !== undefined) {
        await ben.does(ben.calls.challengeScore(swarm, 1, seat!, 0, 0))
        challenge = -1
        return { ...idle, did: 1 }
      }
      const stood = [...(view?.challenges.values() ?? [])].find(({ status }) => status === 'stood')
      if (stood === undefined || claim !== undefined) return idle
      claim = stood.claim!
      const [text] = keptAnswers(table.directoryOf('provider', swarm)).texts
      const question = questionOf(view!.rounds[0]!.seed, level, text!)
      const task = scoreTask(question)
      const item = task.committed.program.next[0]!.index
      const source = await scoreTrace(question, table.executor)
      lie = lyingSource(source, task, { step: 300, item, element: { index: 0, xor: 1 } })
      const opened = await liar.disputes.challenge(claim)
      assert.ok(opened.ok)
      return { ...idle, did: 1 }
    },
  }
  const attacking = lyingPlayer(
    liar,
    'challenger',
    () => claim,
    () => lie!,
    () => other.view(),
  )
  await playOut(table, () => [defended, other, malice, attacking])
  const view = other.view()!
  assert.equal(kills, 5, `left: ${[...deaths]}`)
  assert.equal(view.claims.get(claim!)!.status, 'final')
  const about = [...view.disputes.values()].filter((one) => one.claim === claim)
  assert.deepEqual(
    about.map(({ outcome }) => outcome),
    ['claimant'],
  )
  // One claim, although it was killed between claiming and standing.
  const claims = (await table.told('Claimed')) as readonly { readonly claimant: Hex; readonly claim: Hex }[]
  assert.equal(claims.filter(({ claimant }) => claimant.toLowerCase() === addressOf('provider')).length, 1)
  assert.equal(view.slashed.size, 0)
  assert.equal(await stakeOf('provider'), before.stake)
  assert.equal(await creditOf('ben'), before.ben - parseEther('10'))
  assert.equal(await inDisputes('provider'), 0n)
  assert.ok((await coinsOf('provider')) > coins, 'the liar has paid with its bond')
  honest.close()
  other.close()
})

class Killed extends Error {}
