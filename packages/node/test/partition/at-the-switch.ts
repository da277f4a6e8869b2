/** Run by partition.test.ts in a network of its own, which it cuts. LOCKSTEP_CUT_SECONDS says for how long. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { unwrap } from '@lockstep/tensor'
import { type Machine, openMachinesHere } from '../../../network/test/machines.ts'
import { checkBooks, checkDisputes, checkStores } from '../kill/books.ts'
import { nth, type StrikePoint, says, sent } from '../kill/kill-points.ts'
import type { Line } from '../kill/members.ts'
import { smallJob, TEXT } from '../kill/small-job.ts'
import { openTown, type Town } from '../kill/town.ts'

// Whoever started this process is gone: nothing is to be left behind.
process.stdin.once('close', () => process.exit(1)).resume()
process.stdin.unref?.()

const CUT_SECONDS = Number(process.env.LOCKSTEP_CUT_SECONDS)
const LIAR = join(import.meta.dirname, '../../../../examples/liar-executor.ts')
/** Each phase has room for two cuts of a minute, one after another, and for coming back. */
const PERIOD = 240
const manifest = smallJob({
  times: {
    ...{ bidding: 10, receipt: 600, run: 900, audit: 600, answer: 300, window: 3_600 },
    ...{ clock: 3_000, segment: 300, step: 300, move: 300, deadline: 36_000 },
  },
})

const finding = ({ isFalse }: Line): boolean => isFalse !== undefined
/** Heard from a node when something of it has reached the chain. */
const atWork = ({ block }: Line): boolean => block !== undefined

/** Nodes, each on a machine of its own, of which whoever is struck is cut off. */
const openStreet = async (t: TestContext, names: Parameters<Town['join']>[]): Promise<Town> => {
  const opened = await openMachinesHere(names.length + 3)
  if (typeof opened === 'string') throw new Error(opened)
  const back: Promise<void>[] = []
  const strike = async (victim: string, machine: Machine, point: string): Promise<void> => {
    await machine.cut()
    const say = (text: string): void =>
      console.error(`${new Date().toISOString()} ${victim}, ${point}: ${text}`)
    say('cut off')
    const from = town.lines.length
    await sleep(1000 * CUT_SECONDS)
    const quiet = !town.lines.slice(from).some((line) => line.who === victim && atWork(line))
    const healed = town.lines.length
    await machine.heal()
    say('reachable')
    const begin = performance.now()
    const told = town
      .line((line) => line.who === victim && atWork(line), 90_000, healed)
      .then(
        ({ msg }) => `${((performance.now() - begin) / 1000).toFixed(1)} s later: ${msg}`,
        () => 'it had nothing to send for 90 s',
      )
      .then((text) => {
        say(text)
        t.diagnostic(`cut off ${victim}, ${point}${quiet ? '' : ' (heard in the dark!)'}; ${text}`)
      })
    back.push(told)
  }
  const town = await openTown({ period: PERIOD, machines: opened.machines, strike })
  t.after(async () => {
    await town.close()
    await Promise.race([Promise.all(back), sleep(1_000)])
    await opened.close()
  })
  const [relay, ...others] = names
  await town.join(...relay!)
  await Promise.all(others.map((other) => town.join(...other)))
  for (const [name, role] of names)
    if (role === 'provider') await town.line(({ who, msg }) => who === name && msg === 'capability', 120_000)
  // Verifiers are drawn when their weight counts.
  await town.passTo((await town.market.now()) + 2 * PERIOD + 2)
  return town
}

const inOrder = (town: Town): string =>
  `points that were hit: ${town.striker.hit().join('; ')}; never hit: ${town.striker.waiting().join('; ')}`

/** A job that is posted, and settles in spite of what is armed. */
const settles = async (t: TestContext, town: Town, liars: readonly string[] = []): Promise<number> => {
  const begin = performance.now()
  const { member } = await town.post(manifest, TEXT)
  const job = (await town.market.read.jobCount()) + 1
  await town.line(({ who, msg }) => who === member.name && msg === 'posted', 300_000)
  await town.settled(job, 2_400_000).catch((error) => {
    throw new Error(`${error.message}\n${inOrder(town)}`, { cause: error })
  })
  assert.equal(await member.ended(), 0, 'it was published')
  t.diagnostic(
    `cut off ${town.striker.hit().length} times, settled after ${((performance.now() - begin) / 1000).toFixed(0)} s`,
  )
  assert.deepEqual(town.striker.waiting(), [], 'every point was hit')
  await checkBooks(town, job, liars)
  const client = await town.client()
  assert.equal(unwrap(await client.fetch(job)).length, 1, 'the model can be fetched')
  return job
}

/** Nobody has anything left to send or to play, or has bid twice. */
const checkEnd = async (town: Town): Promise<void> => {
  for (let i = 0; ; i++) {
    try {
      await checkDisputes(town)
      return checkStores(town)
    } catch (error) {
      if (i === 120) throw error
      await sleep(500)
    }
  }
}

const HONEST: readonly StrikePoint[] = [
  { name: 'posted: the requester, before it published', who: 'requester4', line: says('posted') },
  {
    name: 'posted: the relay, after it accepted a blob',
    who: 'requester4',
    victim: 'relay',
    line: says('published'),
  },
  { name: 'bid: the provider, after its bid was published', who: 'ann', line: says('bid') },
  { name: 'assigned: the provider, after its assignment', who: 'ann', line: sent('assign') },
  { name: 'receipt: the provider, with its inputs', who: 'ann', line: says('inputs are here') },
  { name: 'running: the provider, after a segment', who: 'ann', line: says('segment') },
  { name: 'claimed: the provider, bonded, before the claim', who: 'ann', line: sent('bond') },
  { name: 'claimed: the provider, before it told of it', who: 'ann', line: sent('claim') },
  { name: 'claimed: the relay', who: 'ann', victim: 'relay', line: sent('claim') },
  { name: 'draw: a verifier, between commit and reveal', who: 'vic', line: sent('drawCommit') },
  { name: 'commit: a verifier, while it executes', who: 'vic', line: says('audit') },
  { name: 'commit: a verifier, its answer sealed', who: 'val', line: finding },
  {
    name: 'open: the provider, before it opens its tallies',
    who: 'vic',
    victim: 'ann',
    line: sent('commit'),
  },
  { name: 'reveal: a verifier, committed', who: 'val', line: sent('commit') },
  {
    name: 'settle: the provider, as the window ends',
    who: 'chain',
    victim: 'ann',
    line: says('window over'),
  },
  { name: 'settle: a verifier, as the window ends', who: 'chain', victim: 'vic', line: says('window over') },
]

test('honest', async (t) => {
  const town = await openStreet(t, [
    ['relay', 'relay'],
    ['ann', 'provider'],
    ['vic', 'verifier'],
    ['val', 'verifier'],
  ])
  town.striker.arm(HONEST)
  await settles(t, town)
  await checkEnd(town)
})

const DISPUTED: readonly StrikePoint[] = [
  { name: 'posted: the requester, as it posts', who: 'requester4', line: says('posting') },
  { name: 'challenge: the challenger, after it opened its dispute', who: 'val', line: says('challenge') },
  { name: 'move: the challenger', who: 'val', line: nth(3, says('dispute move')) },
  { name: 'move: the claimant', who: 'eve', line: nth(2, says('dispute move')) },
  { name: 'move: both, one after another', who: 'eve', line: nth(4, says('dispute move')) },
  { name: 'reassigned: who takes over', who: 'ann', line: sent('receipt') },
]

test('liar', async (t) => {
  const town = await openStreet(t, [
    ['relay', 'relay'],
    ['eve', 'provider', { executor: { module: LIAR, options: { step: 3 } } }],
    ['vic', 'verifier'],
    ['val', 'verifier'],
  ])
  town.striker.arm(DISPUTED)
  // Who takes over comes when the liar has the slice: so nobody bids less than the liar.
  const joined = town
    .line((line) => line.who === 'eve' && sent('receipt')(line), 600_000)
    .then(() => town.join('ann', 'provider'))
  await Promise.all([settles(t, town, ['eve']), joined])
  await checkEnd(town)
})
