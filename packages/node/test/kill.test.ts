import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { unwrap } from '@lockstep/tensor'
import { checkBooks, checkDisputes, checkStores } from './kill/books.ts'
import { nth, type StrikePoint, says, sent } from './kill/kill-points.ts'
import type { Line } from './kill/members.ts'
import { smallJob, TEXT } from './kill/small-job.ts'
import { openTown, type Town } from './kill/town.ts'

const manifest = smallJob()
const LIAR = join(import.meta.dirname, '../../../examples/liar-executor.ts')

/** Four minutes of waiting for the most part: by night, or when somebody asks for this file. */
const isAsked = process.env.LOCKSTEP_NIGHTLY !== undefined || process.env.LOCKSTEP_KILLS !== undefined
const skip = isAsked ? false : 'by night, or with LOCKSTEP_KILLS=1'

let town: Town
before(async () => {
  if (!isAsked) return
  town = await openTown({ keepsState: true })
  await town.join('relay', 'relay')
  await Promise.all([
    town.join('ann', 'provider'),
    town.join('vic', 'verifier'),
    town.join('val', 'verifier'),
  ])
  // Verifiers are drawn when their weight counts: a quick machine would claim before that.
  await town.passTo((await town.market.now()) + 42)
})
after(() => town?.close())

/** The claim that is under way in the last job. */
const auditIs = async (status: string): Promise<boolean> => {
  const job = await town.market.read.jobCount()
  const { claim } = await town.market.read.progress(job, 0)
  return (await town.market.read.audit(claim)).status === status
}
const finding = ({ isFalse }: Line): boolean => isFalse !== undefined

const HONEST: readonly StrikePoint[] = [
  {
    name: 'the relay, after it accepted a blob',
    who: 'requester5',
    victim: 'relay',
    line: says('published'),
  },
  { name: 'the provider, after its bid was published', who: 'ann', line: says('bid') },
  { name: 'the provider, after its assignment', who: 'ann', line: sent('assign') },
  { name: 'the provider, with its inputs, before the receipt', who: 'ann', line: says('inputs are here') },
  { name: 'the provider, after the receipt, before the run', who: 'ann', line: sent('receipt') },
  { name: 'the provider, in the run, after a segment', who: 'ann', line: says('segment') },
  { name: 'the provider, executed, before the bond', who: 'ann', line: says('executed') },
  { name: 'the provider, bonded, before the claim', who: 'ann', line: sent('bond') },
  { name: 'the provider, claimed, before it told the history', who: 'ann', line: sent('claim') },
  { name: 'a verifier, between the draw’s commit and reveal', who: 'vic', line: sent('drawCommit') },
  { name: 'a verifier, while it executes', who: 'vic', line: says('audit') },
  { name: 'a verifier, its answer sealed, before it commits', who: 'vic', line: finding },
  { name: 'a verifier, committed, before it reveals', who: 'val', line: sent('commit') },
  {
    ...{ name: 'the provider, before it opens its tallies', who: 'val', victim: 'ann', line: finding },
    back: () => auditIs('opening'),
  },
]

test('whoever is killed on the way of an honest job, it settles', { timeout: 500_000, skip }, async () => {
  // The requester is killed between post and publish; it is not started again as it was, but publishes what it posted.
  const requester = await town.post(manifest, TEXT)
  town.striker.arm(HONEST)
  await town.line(({ who, msg }) => who === requester.member.name && msg === 'posted', 120_000)
  await requester.member.kill()
  const job = await town.market.read.jobCount()
  assert.equal(job, 1)
  const again = requester.publishAgain(job)
  assert.equal(await again.ended(), 0, 'it was published')
  await town.settled(job, 400_000)
  assert.deepEqual(town.striker.waiting(), [], 'every point was hit')
  await checkBooks(town, job)
})

const DISPUTED: readonly StrikePoint[] = [
  { name: 'a challenger, after it opened its dispute', who: 'val', line: says('challenge') },
  { name: 'a challenger, in the dispute', who: 'vic', line: nth(2, says('dispute move')) },
  { name: 'the claimant, in the dispute', who: 'eve', line: says('dispute move') },
]

test('whoever is killed in a dispute, and the chain itself: the liar falls, and another is paid', {
  timeout: 540_000,
  skip,
}, async () => {
  await town.join('eve', 'provider', { open: 0.4, executor: { module: LIAR, options: { step: 3 } } })
  town.striker.arm(DISPUTED)
  const requester = await town.post(manifest, TEXT)
  const receipt = sent('receipt')
  await town.line((line) => line.who === 'eve' && receipt(line), 120_000)
  await town.killChain()
  assert.equal(await requester.member.ended(), 0, 'it was published')
  const job = await town.market.read.jobCount()
  await town.settled(job, 400_000)
  assert.deepEqual(town.striker.waiting(), [], 'every point was hit')
  await checkBooks(town, job, ['eve'])
  const client = await town.client()
  assert.equal(unwrap(await client.fetch(job)).length, 1)
  assert.equal(unwrap(await client.fetch(1)).length, 1, 'the first job’s model is still there')
})

test('in the end nobody has anything left to send, or has bid twice', { timeout: 60_000, skip }, async () => {
  for (let i = 0; ; i++) {
    try {
      checkStores(town)
      await checkDisputes(town)
      break
    } catch (error) {
      if (i === 40) throw error
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }
  await town.stopNodes()
  checkStores(town)
})
