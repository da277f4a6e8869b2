import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import type { MarketChain } from '@lockstep/contracts'
import {
  digestFromHex,
  executorTrace,
  type Hex,
  nextMove,
  replay,
  type TraceSource,
  treeOf,
} from '@lockstep/proof'
import { createWasmExecutor, unwrap } from '@lockstep/tensor'
import type { Address } from 'viem'
import { openChallenge, playDispute } from '../src/dispute/index.ts'
import { type Finding, findingOf } from '../src/roles/audit-finding.ts'
import { loadTask } from '../src/run/load-task.ts'
import { nth, says } from './kill/kill-points.ts'
import { smallJob, TEXT } from './kill/small-job.ts'
import { openTown, type Town } from './kill/town.ts'

const LIAR = join(import.meta.dirname, '../../../examples/liar-executor.ts')
const THROWER = join(import.meta.dirname, 'throwing-executor.ts')
const SEAT = 1_000n * 10n ** 18n
const manifest = (steps: number): object => smallJob({ steps })

/** Three minutes of waiting for the most part: by night, or when somebody asks for this file. */
const isAsked = process.env.LOCKSTEP_NIGHTLY !== undefined || process.env.LOCKSTEP_SEATS !== undefined
const skip = isAsked ? false : 'by night, or with LOCKSTEP_SEATS=1'

let town: Town
before(async () => {
  if (!isAsked) return
  town = await openTown()
  await town.join('relay', 'relay')
  // The liar's friend among the verifiers: where there is no lie to be told, it audits like anybody else.
  const auditExecutor = { module: LIAR, options: { step: 5 } }
  await Promise.all([town.join('vic', 'verifier'), town.join('pal', 'verifier', { auditExecutor })])
  // Verifiers are drawn when their weight counts: a quick machine would claim before that.
  await town.passTo((await town.market.now()) + 42)
})
after(() => town?.close())

/** The claim of the first slice of a job. */
const claimOf = async (job: number): Promise<Hex> => (await town.market.read.progress(job, 0)).claim
const addressOf = (name: string): Address => town.accounts.get(name)!.address
const seatOf = async (claim: Hex, name: string): Promise<number> => {
  for (let seat = 0; seat < 2; seat++) {
    const { account } = await town.market.read.seat(claim, seat)
    if (account.toLowerCase() === addressOf(name).toLowerCase()) return seat
  }
  throw new Error(`${name} has no seat`)
}
const statusOf = async (claim: Hex, seat: number): Promise<string> =>
  (await town.market.read.seat(claim, seat)).status
const lockedOf = async (name: string): Promise<bigint> =>
  (await town.market.read.enrolment(addressOf(name))).locked
const findingAt = (name: string, claim: Hex, seat: number): Finding & { readonly status: string } => {
  const store = new DatabaseSync(join(town.directory, name, 'store.sqlite'), { readOnly: true })
  try {
    const row = store.prepare('select * from audits where audit = ? and seat = ?').get(claim, seat)
    const { detail_json, status } = row as { detail_json: string; status: string }
    return { ...findingOf({ detail: JSON.parse(detail_json) })!, status }
  } finally {
    store.close()
  }
}
const NONSENSE: Hex = `0x${'77'.repeat(32)}`

/**
 * A friend of the claimant's says that a true segment is false: that its first step ended elsewhere. Below that it says
 * what is true, and leaves it to the claimant to throw the game.
 */
const befriend = async (
  { disputes }: MarketChain,
  claim: Hex,
  segment: number,
  { files, items }: Finding,
): Promise<number> => {
  const own = { segment, found: NONSENSE }
  const dispute = unwrap(await openChallenge({ chain: disputes, claim, claimed: items!, own }))
  const { steps, segmentLength } = files.expect
  const task = await loadTask({ ...files, steps, segmentLength }, 2 ** 30)
  const { committed } = task
  const executor = await createWasmExecutor()
  const history = { checkpoints: items!.map(digestFromHex) }
  const honest = await executorTrace({ task, executor, claim: history })
  const source: TraceSource = {
    ...honest,
    segment: async (index) => {
      const tree = await honest.segment(index)
      const steps = Array.from({ length: tree.count }, (_, i) => tree.at(0, i))
      return treeOf([digestFromHex(NONSENSE), ...steps.slice(1)])
    },
  }
  const side = 'challenger'
  const played = await playDispute(
    { chain: disputes, dispute, side },
    { next: async (record) => nextMove({ side, committed, source }, unwrap(replay(record))) },
  )
  honest.close()
  await executor.close()
  assert.equal(played.outcome, 'challenger', 'the game was thrown')
  assert.notEqual(played.judgement, undefined, 'the referee has decided')
  return dispute
}

test('an honest auditor keeps its stake where a provider throws its own game, whoever is killed', {
  timeout: 400_000,
  skip,
}, async () => {
  const { market } = town
  town.hold()
  await town.join('tim', 'provider', { executor: { module: THROWER } })
  await town.post(manifest(4), TEXT)
  const job = 1
  const isJudged = async () => (await market.read.audit(await claimOf(job))).status === 'done'
  await town.until(job, isJudged, 240_000)
  const claim = await claimOf(job)
  const seat = await seatOf(claim, 'vic')
  assert.equal(await statusOf(claim, seat), 'matched')

  const friend = await town.stranger()
  const segment = 1
  const dispute = await befriend(friend, claim, segment, findingAt('vic', claim, seat))
  await town.until(job, async () => (await statusOf(claim, seat)) === 'suspect', 60_000)
  town.striker.arm([
    { name: 'accused, before it has executed', who: 'vic', line: says('the seat is accused') },
    { name: 'its claim made, before it defends', who: 'vic', line: says('claim of a segment alone') },
    { name: 'in a dispute about its defence', who: 'vic', line: nth(1, says('dispute move')) },
  ])
  unwrap(await friend.send(friend.calls.accuseSeat(claim, seat, dispute)))
  await town.until(job, async () => (await statusOf(claim, seat)) === 'defending', 85_000)
  const { defence } = await market.read.seat(claim, seat)

  // The friend does not give up, and has nothing to say.
  const { root } = await market.disputes.readClaim(defence)
  const own = { items: [NONSENSE] }
  const second = unwrap(await openChallenge({ chain: friend.disputes, claim: defence, claimed: [root], own }))
  await town.until(job, async () => (await friend.disputes.record(second)).moves.length > 0, 60_000)
  await town.until(job, async () => town.striker.waiting().length === 0 && !town.striker.isDown(), 60_000)
  await town.passTo((await market.now()) + 700)
  const claimStands = async () => (await market.disputes.readClaim(defence)).open === 0
  await town.until(job, claimStands, 60_000)
  const { until } = await market.disputes.readClaim(defence)
  await town.passTo(until + 1)
  await town.until(job, async () => (await statusOf(claim, seat)) === 'paid', 60_000)

  assert.equal((await market.disputes.readClaim(defence)).status, 'final')
  assert.equal(await lockedOf('vic'), SEAT)
  const { claimant } = await market.disputes.readClaim(defence)
  const bondIsBack = async () =>
    (await market.disputes.credit(claimant)) === 0n && findingAt('vic', claim, seat).status === 'ended'
  await town.until(job, bondIsBack, 30_000)
  const { fromBlock } = town.deployment
  const events = await market.events(fromBlock, Number(await market.connection.reader.getBlockNumber()))
  const paid = events.flatMap(({ name, args }) => (name === 'AuditorPaid' ? [args as Paid] : []))
  const own2 = paid.find(({ account }) => account.toLowerCase() === addressOf('vic').toLowerCase())
  assert.ok(own2!.amount > 0n, 'it was paid for the audit')
  await town.member('tim').stop()
})

test('an auditor that matched a lie is accused by one that did not, defends the lie, and is slashed', {
  timeout: 400_000,
  skip,
}, async () => {
  const { market } = town
  await town.join('eve', 'provider', { open: 0.4, executor: { module: LIAR, options: { step: 5 } } })
  await town.post(manifest(8), TEXT)
  const job = 2
  await town.until(job, async () => BigInt(await claimOf(job)) !== 0n, 240_000)
  const claim = await claimOf(job)
  await town.until(job, async () => (await market.disputes.readClaim(claim)).status === 'fallen', 240_000)
  const seat = await seatOf(claim, 'pal')
  await town.until(job, async () => (await statusOf(claim, seat)) === 'slashed', 240_000)
  assert.ok((await lockedOf('pal')) < SEAT)
  assert.equal(await lockedOf('vic'), SEAT)
  const { defence, dispute } = await market.read.seat(claim, seat)
  assert.equal((await market.disputes.readClaim(defence)).status, 'fallen', 'it has defended the lie')
  const accusing = (await market.disputes.record(dispute)).terms.claim
  assert.equal(accusing, (await market.disputes.readClaim(claim)).root)
})

test('a node that does not find again what it matched does not defend it, and says so', {
  timeout: 400_000,
  skip,
}, async () => {
  const { market } = town
  await town.post(manifest(8), TEXT)
  const job = 3
  await town.until(job, async () => BigInt(await claimOf(job)) !== 0n, 240_000)
  const claim = await claimOf(job)
  await town.until(job, async () => (await town.market.read.audit(claim)).seats === 2, 240_000)
  const seat = await seatOf(claim, 'pal')
  // Its machine, or its owner, has been put right since it answered.
  await town.until(job, async () => (await statusOf(claim, seat)) === 'matched', 240_000)
  await town.member('pal').kill()
  town.member('pal').start({ auditExecutor: undefined })
  await town.line(({ who, said, ended }) => who === 'pal' && said !== undefined && said !== ended, 240_000)
  assert.equal(await statusOf(claim, seat), 'accused')
  assert.equal(findingAt('pal', claim, seat).defence, 'impossible')
  await town.passTo((await market.read.seat(claim, seat)).deadline + 1)
  await town.until(job, async () => (await statusOf(claim, seat)) === 'slashed', 60_000)
  assert.equal(BigInt((await market.read.seat(claim, seat)).defence), 0n)
})

type Paid = { readonly account: string; readonly amount: bigint }
