import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  answerCommitment,
  answerOf,
  auditPay,
  type Bid,
  boundTally,
  claimIdOf,
  feeOn,
  requiredStake,
  sealOf,
  segmentsOf,
  settlementOf,
  stepsOf,
} from '@lockstep/market'
import {
  type Digest,
  nextMove,
  pathOf,
  replay,
  rootOf,
  runRemembering,
  type TraceSource,
  toHex,
} from '@lockstep/proof'
import { referenceExecutor, unwrap } from '@lockstep/tensor'
import { type Hex, parseEther } from 'viem'
import { lyingSource } from '../../proof/test/lying-source.ts'
import { segmentNamed } from '../../proof/test/settle.ts'
import { nodeIndex, tinyTask } from '../../proof/test/tiny-task.ts'
import {
  bidData,
  type MarketEvent,
  permitData,
  readMinimumBond,
  receiptData,
  signData,
} from '../src/index.ts'
import {
  checkSolvency,
  errorOf,
  escrowFor,
  execute,
  gatherPeople,
  lastRoots,
  type People,
  type Person,
  postFor,
  RULES,
  randomHex,
} from './market-people.ts'

/** Whole jobs on a real chain, from the post to the last unit of the settlement. */

const CHAIN = 31337
const task = tinyTask()
const { trace: honest } = await runRemembering(task, referenceExecutor)
const executed = await execute(task)
/** A lie in the very last step, well formed up to the end, so that its last checkpoint can be opened. */
const lie = lyingSource(honest, task, {
  step: task.steps - 1,
  item: nodeIndex('hidden'),
  element: { index: 0, xor: 1 },
  foldAt: 0.5,
})

let people: People
before(async () => {
  people = await gatherPeople()
})
after(() => people?.chain.stop())

const names = (events: readonly MarketEvent[]): string[] =>
  events.map(({ contract, name }) => `${contract}.${name}`)

/** Bids and puts the bid in, carried by the requester. */
const assign = async (by: Person, job: number, pricePerUnit: bigint): Promise<void> => {
  const { requester } = people
  const bid: Bid = {
    ...{ job, account: by.address, key: by.address, pricePerUnit, time: 400, slices: 1 },
    ...{ expiry: (await requester.now()) + 10_000, salt: pricePerUnit },
  }
  const place = { chainId: CHAIN, contract: requester.addresses.market }
  await requester.does(requester.calls.assign(0, bid, await signData(by.sign, bidData(place, bid))))
}

/** Claims in Disputes and in the market. */
const claim = async (
  by: Person,
  job: number,
  taskId: Hex,
  source: TraceSource,
  tallies: readonly Digest[],
): Promise<Hex> => {
  const tree = await source.checkpoints()
  const root = toHex(rootOf(tree))
  const id = claimIdOf(taskId, root, by.address)
  assert.equal(unwrap(await by.disputes.claim(taskId, root)), id)
  const { stateRoot, outputsRoot } = await lastRoots(task, source)
  const place = { chainId: CHAIN, audits: by.addresses.audits, claim: id }
  await by.does(
    by.calls.claim(job, 0, {
      root,
      stateRoot: toHex(stateRoot),
      outputsRoot: toHex(outputsRoot),
      path: pathOf(tree, tree.count - 1, 0, tree.height).map(toHex),
      sealedTallies: toHex(sealOf(place, randomHex(77), tallies)),
    }),
  )
  return id
}

/** Both verifiers play the round that an audit waits for; then the auditors are drawn. */
const draw = async (id: Hex): Promise<readonly MarketEvent[]> => {
  const { ann, ben, passTo, requester } = people
  const { round } = await ann.read.audit(id)
  const { begin, half } = await ann.read.roundTimes(round)
  await passTo(begin)
  const secrets = [
    [ann, randomHex(1_001)],
    [ben, randomHex(1_002)],
  ] as const
  for (const [who, secret] of secrets)
    await who.does(who.calls.commitSecret(round, await who.read.sealSecret(round, who.address, secret)))
  assert.equal(errorOf(await requester.send(requester.calls.drawAuditors(id))), 'NotDue')
  await passTo(half)
  for (const [who, secret] of secrets) await who.does(who.calls.revealSecret(round, who.address, secret))
  assert.equal((await ann.read.randomness(round)).status, 'ready')
  return requester.does(requester.calls.drawAuditors(id))
}

/** A seat's commitment and what it reveals later, out of an execution of its own. */
const answerFor = async (id: Hex, taskId: Hex, seat: number) => {
  const { read, addresses } = people.requester
  const { random, auditRate } = await read.audit(id)
  const { account } = await read.seat(id, seat)
  const who = account === people.ann.address ? people.ann : people.ben
  assert.equal(who.address, account)
  const segments = segmentsOf({ random, claim: id, auditRate }, task, seat)
  const answer = answerOf(segments.map((segment) => boundTally(taskId, executed.tallies[segment]!)))
  const salt = randomHex(500 + seat)
  const place = { chainId: CHAIN, audits: addresses.audits, claim: id }
  const commitment = toHex(answerCommitment(place, seat, account, answer, salt))
  return { who, seat, segments, answer: toHex(answer), salt, commitment }
}

test('a job is posted, run, audited by two verifiers and settled to the last unit', async () => {
  const { requester, provider, ann, ben, deployer, pass } = people
  const { read, calls, addresses } = requester
  const bond = await readMinimumBond(requester.connection, addresses.disputes)
  const post = postFor(task, await requester.now(), bond)
  const escrow = escrowFor(post)
  const creditBefore = new Map<Person, bigint>()
  for (const who of [requester, provider, ann, ben, deployer])
    creditBefore.set(who, (await read.account(who.address)).credit)
  const earned = async (who: Person): Promise<bigint> =>
    (await read.account(who.address)).credit - creditBefore.get(who)!

  // post: paid by a permit, which is a signature and no transaction.
  const permit = {
    ...{ owner: requester.address, spender: addresses.vault, amount: escrow + 5n },
    ...{ nonce: await read.permits(requester.address), deadline: (await requester.now()) + 100 },
  }
  const signature = await signData(
    requester.sign,
    permitData({ chainId: CHAIN, contract: addresses.token }, permit),
  )
  const { amount, deadline } = permit
  const job = unwrap(await requester.post(calls.postWithPermit(post, { amount, deadline, signature })))
  assert.equal(await earned(requester), 5n)
  assert.equal(await read.escrowOf(addresses.market, job), escrow)
  assert.deepEqual(await read.slice(job, 0), post.slices[0])
  assert.deepEqual(await read.program(job, 0), post.programs[0])

  // bid, assign: a better bid replaces the leader within the inclusion window.
  assert.equal(errorOf(await bidNow(provider, job)), 'NotDue')
  await pass(11)
  await assign(people.liar, job, parseEther('2.5'))
  await assign(provider, job, parseEther('2'))
  assert.equal((await read.account(people.liar.address)).locked, 0n)
  const stake = requiredStake(post, post.slices[0]!, RULES.charges.minimumStake)
  assert.equal((await read.account(provider.address)).locked, stake)
  assert.equal(await read.stakeFor(job, 0), stake)

  // run: the receipt, carried by the requester, starts the clock.
  await pass(25)
  const taskId = await receiptFor(provider, job)
  const { status, task: kept } = await read.progress(job, 0)
  assert.deepEqual([status, kept], ['running', taskId])

  // claim
  const tallies = executed.tallies.map((tally) => boundTally(taskId, tally))
  assert.deepEqual((await lastRoots(task, honest)).stateRoot, executed.stateRoot)
  assert.deepEqual((await lastRoots(task, honest)).outputsRoot, executed.outputsRoot)
  const id = await claim(provider, job, taskId, honest, tallies)
  assert.equal((await read.progress(job, 0)).stateRoot, toHex(executed.stateRoot))

  // audit: two seats, commit, open, reveal.
  const drawn = await draw(id)
  assert.equal(drawn.filter((e) => e.contract === 'audits' && e.name === 'SeatDrawn').length, 2)
  const answers = [await answerFor(id, taskId, 0), await answerFor(id, taskId, 1)]
  assert.notEqual(answers[0]!.who, answers[1]!.who)
  const leave = await answers[0]!.who.send(calls.leave())
  assert.ok(leave.ok) // it may say so, but its stake stays
  assert.ok((await read.enrolment(answers[0]!.who.address)).locked > 0n)
  assert.equal(
    errorOf(await provider.send(calls.openTallies(id, randomHex(77), tallies.map(toHex)))),
    'WrongAuditStatus',
  )
  for (const { who, seat, commitment } of answers) await who.does(calls.commitAnswer(id, seat, commitment))
  assert.equal(
    errorOf(await provider.send(calls.openTallies(id, randomHex(77), [...tallies].reverse().map(toHex)))),
    'NotCommitted',
  )
  await provider.does(calls.openTallies(id, randomHex(77), tallies.map(toHex)))
  for (const { who, seat, answer, salt } of answers)
    await who.does(calls.revealAnswer(id, seat, answer, salt))
  assert.equal((await read.audit(id)).status, 'done')
  assert.deepEqual([(await read.seat(id, 0)).status, (await read.seat(id, 1)).status], ['matched', 'matched'])

  // settle: when the window has passed.
  assert.equal(errorOf(await requester.send(calls.advance(job, 0))), 'NotDue')
  await pass(post.times.window + 1)
  const settled = await requester.does(calls.advance(job, 0))
  assert.ok(names(settled).includes('market.SliceSettled') && names(settled).includes('disputes.ClaimEnded'))
  const fullPay = post.auditPrice * post.slices[0]!.work
  const pays = answers.map(({ segments }) => auditPay(fullPay, stepsOf(task, segments), task.steps))
  const { paid, subsidised, fee } = settlementOf(
    {
      work: post.slices[0]!.work,
      pricePerUnit: parseEther('2'),
      firstPrice: parseEther('2'),
      subsidy: 0n,
      audits: pays,
    },
    RULES.charges,
  )
  assert.equal(subsidised, 0n)
  assert.equal(await earned(provider), paid)
  for (const [i, { who }] of answers.entries()) assert.equal(await earned(who), pays[i]!)
  assert.equal(await earned(deployer), fee)
  assert.equal((await read.account(provider.address)).locked, 0n)
  assert.equal((await read.reputation(provider.address)).completed, 1)
  assert.equal((await read.reputation(provider.address)).score, fee)

  await requester.does(calls.close(job))
  assert.equal((await read.job(job)).status, 'closed')
  assert.equal(await earned(requester), 5n + escrow - paid - pays[0]! - pays[1]! - fee)
  assert.equal(await read.escrowOf(addresses.market, job), 0n)
  await checkSolvency(people, [job])

  // Who wanted to leave is gone, now that its duty has ended.
  await pass(RULES.verifiers.delay)
  await requester.does(calls.applyChanges(16))
  const gone = await read.enrolment(answers[0]!.who.address)
  assert.deepEqual([gone.place, gone.locked], [0, 0n])
  await answers[0]!.who.does(calls.enroll(parseEther('400')))
  await pass(RULES.verifiers.delay)
  await requester.does(calls.applyChanges(16))
})

test('a liar’s claim falls before the referee; the slice goes to another, whom the slash helps to pay', async () => {
  const { requester, provider, liar, ann, deployer, pass } = people
  const { read, calls, addresses } = requester
  const bond = await readMinimumBond(requester.connection, addresses.disputes)
  const post = postFor(task, await requester.now(), bond)
  const escrow = escrowFor(post)
  await requester.does(calls.approve(addresses.vault, escrow))
  await requester.does(calls.deposit(requester.address, escrow))
  const requesterBefore = (await read.account(requester.address)).credit
  const treasuryBefore = (await read.account(deployer.address)).credit
  const job = unwrap(await requester.post(calls.post(post)))

  await pass(11)
  await assign(liar, job, parseEther('1'))
  await pass(25)
  const taskId = await receiptFor(liar, job)
  const stake = await read.stakeFor(job, 0)
  const staked = (await read.account(liar.address)).stake
  // It has executed honestly first, so it can seal what the auditors will find, and lies about the end.
  const id = await claim(
    liar,
    job,
    taskId,
    lie,
    executed.tallies.map((tally) => boundTally(taskId, tally)),
  )

  // An auditor finds it, and challenges the segment. Two players, until the referee decides.
  const named = (await segmentNamed(lie, honest))!
  const dispute = unwrap(await ann.disputes.challengeSegment(id, named))
  for (;;) {
    const { game, posted } = unwrap(replay(await ann.disputes.record(dispute)))
    if (game.outcome !== 'open') {
      assert.equal(game.outcome, 'challenger')
      break
    }
    const [who, source] = game.turn === 'claimant' ? [liar, lie] : [ann, honest]
    const player = { side: game.turn, committed: task.committed, source }
    const move = await nextMove(player, { game, posted })
    assert.ok(move, `${game.turn} has no move in ${game.phase}`)
    unwrap(await who.disputes.submit(dispute, move))
  }
  assert.equal((await ann.disputes.readClaim(id)).status, 'fallen')

  const failed = await requester.does(calls.advance(job, 0))
  const event = failed.find((e) => e.contract === 'market' && e.name === 'AttemptFailed')
  assert.ok(event?.contract === 'market' && event.name === 'AttemptFailed')
  const { slashed, bounty, audits, subsidy } = event.args
  assert.equal(slashed, stake)
  assert.equal(bounty, (stake * BigInt(RULES.charges.bountyShare)) / 10_000n)
  assert.ok(bounty < slashed && audits === 0n)
  // From what the liar would have been paid to the ceiling.
  assert.equal(subsidy, (post.ceiling - parseEther('1')) * post.slices[0]!.work)
  assert.equal((await read.account(liar.address)).stake, staked - stake)
  assert.equal((await read.account(deployer.address)).credit - treasuryBefore, slashed - bounty - subsidy)
  const annBefore = (await read.account(ann.address)).credit
  await requester.does(calls.bounty(id, dispute))
  assert.equal((await read.account(ann.address)).credit - annBefore, bounty)
  assert.equal((await read.reputation(liar.address)).failed, 1)
  assert.equal((await read.reputation(liar.address)).slashed, 1)

  // The slice is open again, for others.
  assert.equal((await read.progress(job, 0)).status, 'bidding')
  await pass(11)
  await assert.rejects(assign(liar, job, parseEther('1')), /AlreadyTried/)
  await assign(provider, job, parseEther('2'))
  assert.equal((await read.progress(job, 0)).attempt, 2)
  await pass(25)
  const again = await receiptFor(provider, job)
  assert.notEqual(again, taskId)
  const tallies = executed.tallies.map((tally) => boundTally(again, tally))
  const second = await claim(provider, job, again, honest, tallies)
  // Nobody plays the draw: three rounds fail, and the window alone protects.
  for (let rounds = 1; rounds <= 3; rounds++) {
    const { round, status } = await read.audit(second)
    assert.equal(status, 'drawing')
    await people.passTo((await read.roundTimes(round)).end)
    await requester.does(calls.drawAuditors(second))
  }
  assert.equal((await read.audit(second)).status, 'unaudited')
  await pass(post.times.window + 1)
  const providerBefore = (await read.account(provider.address)).credit
  const settled = await requester.does(calls.advance(job, 0))
  assert.ok(names(settled).includes('market.SliceSettled'))
  const work = post.slices[0]!.work
  const wanted = settlementOf(
    {
      work,
      pricePerUnit: parseEther('2'),
      firstPrice: parseEther('1'),
      subsidy,
      audits: [],
    },
    RULES.charges,
  )
  assert.equal(wanted.paid, parseEther('2') * work)
  assert.equal(wanted.subsidised, parseEther('1') * work)
  assert.equal(wanted.fee, feeOn(parseEther('1') * work, RULES.charges))
  assert.equal((await read.account(provider.address)).credit - providerBefore, wanted.paid)
  await requester.does(calls.close(job))
  // The requester paid what the first bid asked, and the fee on that; no more.
  assert.equal(
    requesterBefore - (await read.account(requester.address)).credit,
    parseEther('1') * work + wanted.fee,
  )
  assert.equal(
    (await read.account(deployer.address)).credit - treasuryBefore,
    slashed - bounty - wanted.subsidised + wanted.fee,
  )
  await checkSolvency(people, [job, BigInt(id)])
})

/** What would come of a bid at the ceiling now. */
const bidNow = async (by: Person, job: number) => {
  const bid: Bid = {
    ...{ job, account: by.address, key: by.address, pricePerUnit: parseEther('3'), time: 400, slices: 1 },
    ...{ expiry: (await by.now()) + 10_000, salt: 0n },
  }
  const place = { chainId: CHAIN, contract: by.addresses.market }
  return by.wouldSend(by.calls.assign(0, bid, await signData(by.sign, bidData(place, bid))))
}

/** The provider's receipt, which the requester carries: the task's id is what the contract would make of it. */
const receiptFor = async (by: Person, job: number): Promise<Hex> => {
  const { requester } = people
  const { attempt } = await by.read.progress(job, 0)
  const taskId = await by.read.taskOf(job, 0, by.address)
  const data = receiptData(
    { chainId: CHAIN, contract: by.addresses.market },
    { job, slice: 0, attempt, task: taskId },
  )
  assert.equal(
    errorOf(await requester.send(requester.calls.receipt(job, 0, await signData(requester.sign, data)))),
    'WrongSignature',
  )
  await requester.does(requester.calls.receipt(job, 0, await signData(by.sign, data)))
  return taskId
}
