import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { swarmTermsOf } from '@lockstep/client'
import { type MarketChain, readMinimumBond } from '@lockstep/contracts'
import type { Hex, TraceSource } from '@lockstep/proof'
import { claimScore, scoreTask, scoreTrace } from '@lockstep/swarm'
import { parseEther } from 'viem'
import type { Name } from '../../contracts/test/market-people.ts'
import { lyingSource } from '../../proof/test/lying-source.ts'
import type { Participant } from '../src/swarm/index.ts'
import {
  falseHistory,
  keptAnswers,
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

/** What somebody's answer scores, and another score. */
const liesAbout = (seed: Hex, directory: string): { readonly claimed: number } => {
  const [text] = keptAnswers(directory).texts
  return { claimed: opposite(claimScore(questionOf(seed, level, text!)).score) }
}

const openLiar = async (
  swarm: number,
): Promise<{ readonly liar: Participant; readonly scores: number[] }> => {
  // What it answers is known when it has answered, before it commits to anything.
  const scores: number[] = []
  const directory = table.directoryOf('liar', swarm)
  const market = lyingMarket(table.people.liar, directory, scores)
  const { submitStage } = market.calls
  const lying: MarketChain = {
    ...market,
    calls: {
      ...market.calls,
      submitStage: (...args) => {
        scores[0] = liesAbout(liar.view()!.rounds[0]!.seed, directory).claimed
        return submitStage(...args)
      },
    },
  }
  const liar = await table.open('liar', swarm, manifest, lying)
  return { liar, scores }
}

const addressOf = (name: Name): Hex => table.people[name].address.toLowerCase() as Hex

/** Somebody who has no more duties than to be let go on. */
const idle = { did: 0, next: undefined, over: true }

test('a false score that nobody stands by is slashed, by participants alone', async () => {
  const swarm = await table.create(manifest)
  const { liar } = await openLiar(swarm)
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
  const { liar, scores } = await openLiar(swarm)
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
      lie = await falseHistory(question, scores[0]!, table.executor)
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
