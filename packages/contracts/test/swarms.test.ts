import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { initialItem, nextMove, replay, runRemembering, stepItem, taskFields, toHex } from '@lockstep/proof'
import { referenceExecutor, unwrap } from '@lockstep/tensor'
import { type Hex, parseEther, zeroAddress } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { lyingSource } from '../../proof/test/lying-source.ts'
import { segmentNamed } from '../../proof/test/settle.ts'
import { answersRoot } from '../../swarm/src/game/commitment.ts'
import { drawnTask } from '../../swarm/src/game/drawn.ts'
import { bootNodesOf, leaderboardOf } from '../../swarm/src/game/leaderboard.ts'
import { beginRound, type RoundEvent, type RoundState, stepRound } from '../../swarm/src/game/round.ts'
import { CHAIN_STAGES, type ChainStage, type RoundRules } from '../../swarm/src/game/rules.ts'
import { packBytes } from '../../swarm/src/game/words.ts'
import { STEPS } from '../../swarm/src/machine/instruction.ts'
import { wordStart } from '../../swarm/src/machine/step-program.ts'
import { addition } from '../../swarm/src/tasks/addition.ts'
import {
  claimScore,
  familyRoot,
  SCORE_SEGMENT,
  scoreProgram,
  scoreTask,
} from '../../swarm/src/tasks/score-task.ts'
import { sorting } from '../../swarm/src/tasks/sorting.ts'
import type { roundVectors } from '../../swarm/test/round-vectors.ts'
import { Swarms } from '../src/generated/index.ts'
import {
  type Call,
  delegationData,
  deploy,
  type MarketEvent,
  type ProofTerms,
  proofArgument,
  readMinimumBond,
  SCOPES,
  type SwarmTerms,
  scoreContext,
  scoreTaskTerms,
  signData,
  submissionData,
} from '../src/index.ts'
import { SwarmRewardsHarness } from './generated/index.ts'
import { errorOf, gatherPeople, lastRoots, type People, type Person, randomHex } from './market-people.ts'
import {
  beginNext,
  CHAIN,
  claimHistory,
  committedTo,
  FAMILIES,
  opened,
  type Performance,
  partsOf,
  proofTask,
  rightAnswer,
  swarmTerms,
  tasksOfSeed,
  text,
} from './swarm-people.ts'

/** Whole rounds of swarms on a real chain, from the creation to the last unit. */

const ZERO: Hex = `0x${'00'.repeat(32)}`
const STAGES = Object.keys(CHAIN_STAGES) as readonly ChainStage[]
/** What a swarm of one stage pays for. */
const ALONE = { answer: 1, critique: 0, prediction: 0, resolve: 0 }
const figures = new Map<string, number>()

let people: People
let terms: SwarmTerms
before(async () => {
  people = await gatherPeople()
  const { requester } = people
  const { calls, addresses } = requester
  await requester.does(calls.approve(addresses.vault, parseEther('5000')))
  await requester.does(calls.deposit(requester.address, parseEther('5000')))
  const bond = await readMinimumBond(requester.connection, addresses.disputes)
  terms = swarmTerms(await requester.now(), bond)
})
after(async () => {
  await people?.chain.stop()
  for (const [name, gas] of figures) console.log(`gas ${name}: ${gas}`)
})

/** Sends a call that must go through, and notes what it costs. */
const does = async (by: Person, name: string, call: Call): Promise<readonly MarketEvent[]> => {
  const { receipt, events } = unwrap(await by.send(call))
  if (!figures.has(name)) figures.set(name, Number(receipt.gasUsed))
  return events
}

const refused = async (by: Person, call: Call): Promise<string | number> => errorOf(await by.wouldSend(call))

const said = <T>(events: readonly MarketEvent[], name: string, field: string): T => {
  const event = events.find((one) => one.contract === 'swarms' && one.name === name)
  assert.ok(event, `${name} among ${events.map((one) => one.name)}`)
  return (event.args as Record<string, unknown>)[field] as T
}

const create = async (change: Partial<SwarmTerms> = {}): Promise<number> => {
  const { requester } = people
  const events = await does(requester, 'create', requester.calls.createSwarm({ ...terms, ...change }))
  return Number(said<bigint>(events, 'SwarmCreated', 'swarm'))
}

const join = async (swarm: number, ...members: readonly Person[]): Promise<void> => {
  for (const member of members)
    await does(member, 'join', member.calls.joinSwarm(swarm, `0x${'11'.repeat(40)}`))
}

/** What the Vault holds is what everybody has in it, and what swarms have in escrow. */
const checkSum = async (): Promise<void> => {
  const { connection, read, addresses } = people.deployer
  let sum = 0n
  for (const name of ['deployer', 'requester', 'liar', 'provider', 'ann', 'ben'] as const) {
    const { stake, credit, unbonding } = await read.account(people[name].address)
    sum += stake + credit + unbonding
  }
  for (let swarm = await read.swarmCount(); swarm > 0; swarm--)
    sum += await read.escrowOf(addresses.swarms, swarm)
  const asked = { address: addresses.swarms, abi: Swarms.abi, functionName: 'challengeCount' } as const
  for (let number = await connection.reader.readContract(asked); number > 0n; number--)
    sum += await read.escrowOf(addresses.swarms, 2n ** 255n + number)
  assert.equal(sum, await read.tokens(addresses.vault))
}

/** The same round in the pure state machine. */
const begun = (
  swarm: number,
  round: number,
  seed: Hex,
  begin: number,
  members: readonly Person[],
): RoundState => {
  const rules: RoundRules = {
    stages: STAGES.map((stage) => ({ stage, seconds: 10_000 })),
    ...{ claimTime: 10_000, challengeTime: 10_000, tasks: 2 },
    ...{ weights: terms.weights, reward: terms.reward },
  }
  return beginRound({
    ...{ rules, seed, begin, families: 2, seats: members.map(({ address }) => address) },
    place: { chainId: CHAIN, contract: members[0]!.addresses.swarms, swarm, round },
  })
}

const step = (state: RoundState, event: RoundEvent): RoundState => {
  const { state: next, effects } = stepRound(state, event)
  const effect = effects[0]!
  assert.equal(effect.kind === 'refused' ? effect.why : '', '')
  return next
}

/** Plays a round of three stages with a performance of each seat, up to the claims; in the state machine as well. */
const play = async (
  swarm: number,
  round: number,
  members: readonly Person[],
  performancesOf: (seed: Hex) => readonly Performance[],
): Promise<{ readonly seed: Hex; readonly begin: number; readonly state: RoundState }> => {
  const { seed, begin } = await beginNext(people.requester, swarm)
  const performances = performancesOf(seed)
  let state = begun(swarm, round, seed, begin, members)
  for (const [stage, name] of STAGES.entries()) {
    await people.passTo(begin + 10_000 * stage + 10)
    for (const [seat, member] of members.entries()) {
      const commitment = committedTo(member, swarm, round, stage, partsOf(seed, seat, performances)[stage]!)
      const call = member.calls.submitStage(swarm, round, stage, commitment)
      await does(member, stage === 0 ? 'submit, first' : 'submit, further', call)
      const time = begin + 10_000 * stage + 10
      state = step(state, { kind: 'submit', account: member.address, stage: name, commitment, time })
    }
  }
  await people.passTo(begin + 30_010)
  for (const [seat, member] of members.entries()) {
    const parts = partsOf(seed, seat, performances)
    // Carried by somebody else: the salts say who it is.
    const call = member.calls.claimScores(swarm, round, member.address, parts.map(opened))
    await does(people.requester, 'claim', call)
    state = step(state, { kind: 'claim', account: member.address, parts, time: begin + 30_010 })
  }
  return { seed, begin, state }
}

/** Seat 0 solves all; seat 1 is wrong about the second task at first; seat 2 is wrong about all, and then copies. */
const honest = (seed: Hex): readonly Performance[] => {
  const right = tasksOfSeed(seed).map(rightAnswer)
  return [
    { first: right, final: right, votes: [1, -1] },
    { first: [right[0]!, 'x'], final: right, votes: [0, 0] },
    { first: ['x', ''], final: right, votes: [0, 0] },
  ]
}

test('a whole round of three stages, and what it pays is what the state machine says', async () => {
  const { provider, ann, ben, requester } = people
  const { calls, read } = requester
  const members = [provider, ann, ben]
  const swarm = await create()
  await checkSum()
  assert.equal(await refused(requester, calls.advanceSwarm(swarm)), 'TooFew')
  await join(swarm, ...members)
  assert.equal((await read.account(ann.address)).locked, parseEther('400')) // enrolled with 300
  const { begin, state } = await play(swarm, 1, members, honest)
  assert.equal(await refused(requester, calls.settleRound(swarm)), 'OutOfTime')
  assert.equal(await refused(ann, calls.leaveSwarm(swarm, ann.address)), 'RoundOpen')

  await people.passTo(begin + 50_000)
  const events = await does(requester, 'settle, 3 seats', calls.settleRound(swarm))
  const { settled } = step(state, { kind: 'settle', time: begin + 50_000 })
  const rewarded = events.flatMap((one) =>
    one.contract === 'swarms' && one.name === 'Rewarded' ? [one.args] : [],
  )
  assert.deepEqual(
    rewarded.map(({ points }) => Number(points)),
    settled!.points.map((one) => one!.total),
  )
  assert.deepEqual(
    rewarded.map(({ amount }) => amount),
    settled!.payouts,
  )
  assert.equal(said(events, 'RoundSettled', 'winners'), packBytes(settled!.winners))
  // Everything was paid at least once, so nothing above compares only zeros.
  for (const part of ['answer', 'critique', 'prediction', 'resolve'] as const)
    assert.ok(
      settled!.points.some((one) => one![part] > 0),
      part,
    )
  await checkSum()

  // The leaderboard and the boot nodes follow from the events.
  const head = Number(await requester.connection.reader.getBlockNumber())
  const told = (await requester.events(people.deployment.fromBlock, head)).filter(
    ({ contract }) => contract === 'swarms',
  )
  const board = leaderboardOf(swarm, told)
  assert.equal(board.settledRounds, 1)
  const byPoints = rewarded.toSorted((a, b) => Number(b.points - a.points))
  assert.deepEqual(
    board.standings.map(({ account, points, earned }) => [account, points, earned]),
    byPoints.map(({ account, points, amount }) => [account.toLowerCase(), points, amount]),
  )
  assert.equal(bootNodesOf(swarm, told).length, 3)

  // Who leaves takes the stake; a second round without anyone pays nobody, and the rest is the creator's.
  await does(ann, 'leave', calls.leaveSwarm(swarm, ann.address))
  assert.equal((await read.account(ann.address)).locked, parseEther('300'))
  const second = await beginNext(requester, swarm)
  await people.passTo(second.begin + 50_000)
  assert.equal(await refused(requester, calls.closeSwarm(swarm)), 'RoundOpen')
  await does(requester, 'settle, nobody', calls.settleRound(swarm))
  const before = (await read.account(requester.address)).credit
  await does(requester, 'close', calls.closeSwarm(swarm))
  const paid = rewarded.reduce((sum, { amount }) => sum + amount, 0n)
  assert.equal((await read.account(requester.address)).credit - before, 2n * terms.reward - paid)
  assert.equal(await refused(requester, calls.closeSwarm(swarm)), 'RoundOpen')
  assert.equal(await refused(requester, calls.advanceSwarm(swarm)), 'WrongRound')
  // Anyone may clear the seats of a closed swarm.
  await requester.does(calls.leaveSwarm(swarm, ben.address))
  await requester.does(calls.leaveSwarm(swarm, provider.address))
  await checkSum()
})

test('what is late, early, double, foreign, a self-vote or not what was committed to is refused', async () => {
  const { provider, ann, liar, requester, deployer } = people
  const { calls, addresses } = requester
  const swarm = await create({ rounds: 1 })
  await join(swarm, provider, ann)
  assert.equal(await refused(ann, calls.joinSwarm(swarm)), 'AlreadyJoined')
  const { seed, begin } = await beginNext(requester, swarm)
  // Whoever joins now sits behind the seats of this round.
  await join(swarm, liar)
  const right = tasksOfSeed(seed).map(rightAnswer)
  const all: readonly Performance[] = [
    { first: right, final: right, votes: [0, 1] },
    { first: right, final: right, votes: [0, 0] },
  ]
  const parts = partsOf(seed, 0, all)
  const commitment = (stage: number) => committedTo(provider, swarm, 1, stage, parts[stage]!)
  const submit = (stage: number, round = 1) => calls.submitStage(swarm, round, stage, commitment(stage))
  assert.equal(await refused(provider, submit(1)), 'OutOfTime') // early
  assert.equal(await refused(provider, submit(0, 2)), 'WrongRound')
  assert.equal(await refused(liar, submit(0)), 'SeatNotInRound')
  assert.equal(await refused(deployer, submit(0)), 'NotJoined')
  assert.equal(await refused(provider, calls.submitStage(swarm, 1, 3, ZERO)), 'WrongParameter')

  // A key of the account signs, and anyone carries it; a key of nobody, or without the scope, does not count.
  const key = privateKeyToAccount(`0x${'c3'.repeat(32)}`)
  const place = { chainId: CHAIN, contract: addresses.swarms }
  const submission = { swarm, round: 1, stage: 0, commitment: commitment(0) }
  const signature = await signData(key, submissionData(place, submission))
  const signed = (by: Hex) => calls.submitSigned(swarm, 1, 0, commitment(0), by, signature)
  assert.equal(await refused(requester, signed(key.address)), 'NotJoined')
  assert.equal(await refused(requester, signed(provider.address)), 'WrongSignature')
  const delegate = async (scopes: number, salt: bigint): Promise<void> => {
    const expiry = BigInt((await provider.now()) + 1_000_000)
    const delegation = { account: provider.address, key: key.address, scopes, expiry, salt }
    const data = delegationData({ chainId: CHAIN, contract: addresses.delegations }, delegation)
    await provider.does(calls.registerDelegation(delegation, '0x', await signData(key, data)))
  }
  await delegate(SCOPES.provide, 1n)
  assert.equal(await refused(requester, signed(key.address)), 'NoAccount')
  await delegate(SCOPES.swarm, 2n)
  await does(requester, 'submit, signed', signed(key.address))
  assert.equal(await refused(requester, signed(key.address)), 'AlreadySubmitted')
  assert.equal(await refused(provider, submit(0)), 'AlreadySubmitted')

  // A copy of somebody else's commitment can be sent, but never be opened.
  await ann.does(submit(0))
  await people.passTo(begin + 10_010)
  assert.equal(await refused(provider, submit(0)), 'OutOfTime') // late
  await people.passTo(begin + 20_010)
  await provider.does(submit(2))
  await people.passTo(begin + 30_010)
  const claim = (by: Person, ...stages: readonly Parameters<typeof opened>[0][]) =>
    calls.claimScores(swarm, 1, by.address, stages.map(opened))
  assert.equal(await refused(ann, claim(ann, parts[0])), 'NotCommitted')
  assert.equal(await refused(provider, claim(provider, parts[0])), 'WrongLength')
  // What it has committed to is a vote for itself: it has given its round away.
  assert.equal(await refused(provider, claim(provider, parts[0], parts[2])), 'SelfVote')
  const honestVote = { ...parts[2], votes: [0, 2] }
  assert.equal(await refused(provider, claim(provider, parts[0], honestVote)), 'NotCommitted')
  const wild = { ...parts[0], scores: [101, 0] }
  assert.equal(await refused(provider, claim(provider, wild, honestVote)), 'WrongByte')
  assert.equal(await refused(liar, claim(liar, parts[0])), 'NotSubmitted')
  assert.equal(await refused(requester, calls.challengeScore(swarm, 1, 0, 0, 0)), 'NotClaimed')
  await people.passTo(begin + 50_000)
  assert.equal(await refused(provider, claim(provider, parts[0], honestVote)), 'OutOfTime')
  const events = await requester.does(calls.settleRound(swarm))
  assert.equal(said(events, 'RoundSettled', 'paid'), 0n)
  await requester.does(calls.closeSwarm(swarm))
  for (const member of [provider, ann, liar]) await requester.does(calls.leaveSwarm(swarm, member.address))
  await checkSum()
})

test('a lie about a score is challenged: the silent are slashed, the false history is played to its end', async () => {
  const { provider, ann, ben, liar, requester, deployer } = people
  const { calls, read, addresses } = requester
  const swarm = await create({ rounds: 1, most: 4 })
  const members = [provider, ann, liar]
  await join(swarm, ...members)
  const { seed, begin } = await play(swarm, 1, members, (drawn) => {
    const right = tasksOfSeed(drawn).map(rightAnswer)
    const well: Performance = { first: right, final: right, votes: [-1, -1] }
    // The liar's first answers are wrong, and it claims that they are right.
    return [well, well, { first: ['x', 'x'], final: right, votes: [0, 0], claimed: [100, 100] }]
  })
  const tasks = tasksOfSeed(seed)
  const challenge = async (by: Person, seat: number, stage: number, task: number): Promise<number> => {
    const call = calls.challengeScore(swarm, 1, seat, stage, task)
    return Number(said<bigint>(await does(by, 'challenge', call), 'ScoreChallenged', 'challenge'))
  }
  const before = {
    ann: (await read.account(ann.address)).credit,
    ben: (await read.account(ben.address)).credit,
    liar: (await read.account(liar.address)).stake,
    treasury: (await read.account(deployer.address)).credit,
  }
  // Ben, who is not in the swarm, doubts the liar twice, and an honest score once.
  const silent = await challenge(ben, 2, 0, 0)
  const lied = await challenge(ben, 2, 0, 1)
  const unjust = await challenge(ben, 0, 2, 1)
  assert.equal(await refused(ben, calls.challengeScore(swarm, 1, 2, 0, 1)), 'AlreadyChallenged')
  assert.equal(await refused(ben, calls.challengeScore(swarm, 1, 2, 1, 1)), 'NotSubmitted')
  assert.equal(await refused(ben, calls.challengeScore(swarm, 1, 2, 0, 2)), 'WrongParameter')
  assert.equal((await read.account(ben.address)).credit, before.ben - 3n * terms.deposit)
  assert.equal(await refused(ben, calls.finishChallenge(silent)), 'OutOfTime')
  await checkSum()

  // The honest participant shows its answer and claims what the word machine does with it.
  const right = tasks.map(rightAnswer)
  const finalTask = proofTask(tasks[1]!, right[1]!)
  const { trace: truth } = await runRemembering(finalTask, referenceExecutor)
  const roots = async (seat: number) => {
    const performances: readonly Performance[] = [
      { first: right, final: right, votes: [-1, -1] },
      { first: right, final: right, votes: [-1, -1] },
      { first: ['x', 'x'], final: right, votes: [0, 0] },
    ]
    const [first, , final] = partsOf(seed, seat, performances)
    return { answersRoot: first.root, finalsRoot: final.root }
  }
  const defence = {
    ...(await claimHistory(provider, unjust, terms.proof, finalTask, truth, right, 1)),
    ...(await roots(0)),
  }
  const stand = (number: number, of: typeof defence, families = FAMILIES) =>
    calls.standByScore(number, families, terms.proof, of)
  assert.equal(await refused(ann, stand(unjust, defence)), 'NotYours')
  assert.equal(await refused(provider, stand(unjust, defence, [...FAMILIES].reverse())), 'WrongTerms')
  assert.equal(await refused(provider, stand(unjust, { ...defence, answer: '0x78' })), 'Unproven')
  assert.equal(await refused(provider, stand(unjust, { ...defence, finalsRoot: ZERO })), 'NotCommitted')
  assert.equal(await refused(provider, stand(unjust, { ...defence, stateRoot: ZERO })), 'Unproven')
  assert.equal(await refused(provider, stand(unjust, { ...defence, claim: ZERO })), 'WrongClaim')
  await does(provider, 'stand', stand(unjust, defence))

  // The liar stands by one of its lies with a history that is false in its last step, and says nothing to the other.
  const firstTask = proofTask(tasks[1]!, 'x')
  const { trace: real } = await runRemembering(firstTask, referenceExecutor)
  const { program } = firstTask.committed
  const output = program.outputs[0]!.ref
  assert.ok(output.from === 'node')
  const lie = lyingSource(real, firstTask, {
    step: firstTask.steps - 1,
    item: output.index,
    element: { index: 0, xor: 40 ^ 100 },
  })
  const falseDefence = {
    ...(await claimHistory(liar, lied, terms.proof, firstTask, lie, ['x', 'x'], 1)),
    ...(await roots(2)),
  }
  const { outputsRoot } = await lastRoots(firstTask, real)
  assert.notEqual(
    toHex(stepItem((await lastRoots(firstTask, lie)).stateRoot, outputsRoot)),
    falseDefence.claim,
  )
  await liar.does(stand(lied, falseDefence))
  assert.equal(await refused(ben, calls.finishChallenge(lied)), 'WrongClaim') // it still stands in Disputes

  // Ann, who sees the answer now, computes its score and disputes the history, down to one scalar program.
  const named = (await segmentNamed(lie, real))!
  const dispute = unwrap(await ann.disputes.challengeSegment(falseDefence.claim, named))
  for (;;) {
    const { game, posted } = unwrap(replay(await ann.disputes.record(dispute)))
    if (game.outcome !== 'open') {
      assert.equal(game.outcome, 'challenger')
      break
    }
    const [who, source] = game.turn === 'claimant' ? [liar, lie] : [ann, real]
    const move = await nextMove({ side: game.turn, committed: firstTask.committed, source }, { game, posted })
    assert.ok(move, `${game.turn} has no move in ${game.phase}`)
    unwrap(await who.disputes.submit(dispute, move))
  }
  assert.equal(await refused(ben, calls.finishChallenge(lied, 99)), 'WrongDispute')
  const fallen = await does(requester, 'finish, fallen', calls.finishChallenge(lied, dispute))
  assert.equal(said(fallen, 'ChallengeEnded', 'slashed'), terms.stake)
  assert.equal(said(fallen, 'ChallengeEnded', 'winner'), ann.address)
  assert.equal((await read.account(liar.address)).stake, before.liar - terms.stake)
  assert.equal((await read.account(ann.address)).credit, before.ann + terms.stake / 2n)
  assert.equal((await read.account(deployer.address)).credit, before.treasury + terms.stake / 2n)
  assert.equal(await refused(liar, calls.joinSwarm(swarm)), 'SlashedBefore')
  assert.equal(await refused(ben, calls.challengeScore(swarm, 1, 2, 2, 0)), 'SlashedBefore')

  // The second challenge of the same participant ends without another slash, and gives its deposit back.
  await people.passTo(begin + 50_000)
  assert.equal(await refused(requester, calls.settleRound(swarm)), 'ChallengesOpen')
  const late = await does(requester, 'finish, silent', calls.finishChallenge(silent))
  assert.equal(said(late, 'ChallengeEnded', 'slashed'), 0n)
  // The honest score is upheld when its window has passed: the deposit is the participant's.
  const { until } = await provider.disputes.readClaim(defence.claim)
  await people.passTo(until + 1)
  unwrap(await requester.disputes.finalize(defence.claim))
  const provided = (await read.account(provider.address)).credit
  await does(requester, 'finish, upheld', calls.finishChallenge(unjust))
  assert.equal((await read.account(provider.address)).credit, provided + terms.deposit)
  assert.equal((await read.account(ben.address)).credit, before.ben - terms.deposit)
  assert.equal(await refused(requester, calls.finishChallenge(unjust)), 'WrongChallengeStatus')

  const events = await requester.does(calls.settleRound(swarm))
  const paidTo = events.flatMap((one) =>
    one.contract === 'swarms' && one.name === 'Rewarded' ? [one.args.account] : [],
  )
  assert.deepEqual(paidTo, [provider.address, ann.address])
  await requester.does(calls.closeSwarm(swarm))
  for (const member of [provider, ann]) await requester.does(calls.leaveSwarm(swarm, member.address))
  await checkSum()
  assert.equal(await read.escrowOf(addresses.swarms, swarm), 0n)
})

test('the claim that packages/swarm makes of a real family is what stands, word for word', async () => {
  const { provider, ann, ben, requester } = people
  const { calls, read } = requester
  const real = [sorting, addition]
  const families = real.map((family) => ({ code: toHex(familyRoot(family)), level: 2 }))
  const proof: ProofTerms = {
    ...terms.proof,
    ...{ header: scoreProgram().header, initialItem: toHex(initialItem(wordStart())) },
    ...{ steps: STEPS, segmentLength: SCORE_SEGMENT },
  }
  const swarm = await create({
    rounds: 1,
    tasks: 1,
    critiqueTime: 0,
    resolveTime: 0,
    families,
    proof,
    weights: ALONE,
  })
  await join(swarm, provider, ann)
  const { seed, begin } = await beginNext(requester, swarm)
  const { family: index, seed: taskSeed } = drawnTask(seed, 0, real.length)
  const family = real[index]!
  const answer = text(family.play(taskSeed, 2).solution)
  const part = { root: answersRoot([answer]), scores: [100], votes: [], salt: randomHex(5) }
  await provider.does(calls.submitStage(swarm, 1, 0, committedTo(provider, swarm, 1, 0, part)))
  await people.passTo(begin + 10_000)
  await requester.does(calls.claimScores(swarm, 1, provider.address, [opened(part)]))
  const events = await ben.does(calls.challengeScore(swarm, 1, 0, 0, 0))
  const number = Number(said<bigint>(events, 'ScoreChallenged', 'challenge'))

  const question = { family, seed: taskSeed, level: 2, answer }
  const { score, root, opening } = claimScore(question)
  assert.equal(score, 100)
  const place = { chainId: CHAIN, contract: provider.addresses.swarms }
  const { inputsRoot } = taskFields(scoreTask(question))
  const task = unwrap(await provider.disputes.createTask(scoreTaskTerms(place, number, proof, inputsRoot)))
  const claim = unwrap(await provider.disputes.claim(task, toHex(root)))
  const defence = {
    ...{ answer: `0x${Buffer.from(answer).toString('hex')}` as Hex, path: [], answersRoot: part.root },
    ...{
      finalsRoot: ZERO,
      claim,
      stateRoot: toHex(opening.stateRoot),
      lastPath: opening.siblings.map(toHex),
    },
  }
  await provider.does(calls.standByScore(number, families, proof, defence))
  await people.passTo((await provider.disputes.readClaim(claim)).until + 1)
  unwrap(await requester.disputes.finalize(claim))
  await requester.does(calls.finishChallenge(number))
  assert.equal((await read.scoreChallenge(number)).status, 'upheld')
  const settled = await does(requester, 'settle, 1 seat', calls.settleRound(swarm))
  assert.equal(said(settled, 'RoundSettled', 'paid'), terms.reward)
  await requester.does(calls.closeSwarm(swarm))
  for (const member of [provider, ann]) await requester.does(calls.leaveSwarm(swarm, member.address))
  await checkSum()
})

test('an older claim of the same task does not stand: it could have ripened where nobody looked', async () => {
  const { provider, ann, ben, requester } = people
  const { calls, read } = requester
  const swarm = await create({ rounds: 1 })
  await join(swarm, provider, ann)
  const { seed, begin } = await play(swarm, 1, [provider, ann], (drawn) => honest(drawn).slice(0, 2))
  const right = tasksOfSeed(seed).map(rightAnswer)
  const next = Number(
    await requester.connection.reader.readContract({
      address: requester.addresses.swarms,
      abi: Swarms.abi,
      functionName: 'challengeCount',
    }),
  )
  const task = proofTask(tasksOfSeed(seed)[0]!, right[0]!)
  const { trace } = await runRemembering(task, referenceExecutor)
  const early = await claimHistory(provider, next + 1, terms.proof, task, trace, right, 0)
  await people.passTo(begin + 30_100)
  await ben.does(calls.challengeScore(swarm, 1, 0, 0, 0))
  const [first, , final] = partsOf(seed, 0, honest(seed).slice(0, 2))
  const roots = { answersRoot: first.root, finalsRoot: final.root }
  const stale = calls.standByScore(next + 1, FAMILIES, terms.proof, { ...early, ...roots })
  assert.equal(await refused(provider, stale), 'WrongClaim')
  // Who says nothing in time is slashed: half is the challenger's, with its deposit.
  await people.passTo(begin + 50_200)
  const credit = (await read.account(ben.address)).credit
  await requester.does(calls.finishChallenge(next + 1))
  assert.equal((await read.account(ben.address)).credit, credit + terms.deposit + terms.stake / 2n)
  await requester.does(calls.settleRound(swarm))
  await requester.does(calls.closeSwarm(swarm))
  await requester.does(calls.leaveSwarm(swarm, ann.address))
})

test('terms outside their bounds are refused, with the name of what is wrong', async () => {
  const { requester } = people
  const wrong: readonly [Partial<SwarmTerms>, string][] = [
    [{ stake: terms.reward - 1n }, 'stake'],
    [{ tasks: 17 }, 'tasks'],
    [{ most: 129 }, 'most'],
    [{ minimum: 9 }, 'minimum'],
    [{ families: [] }, 'families'],
    [{ deposit: terms.stake / 100n - 1n }, 'deposit'],
    [{ resolveTime: 0 }, 'weight of prediction'],
    [{ answerTime: 0 }, 'answerTime'],
    [{ expiry: 1 }, 'expiry'],
    [{ proof: { ...terms.proof, bond: 1n } }, 'bond'],
  ]
  for (const [change, name] of wrong) {
    const found = await requester.wouldSend(requester.calls.createSwarm({ ...terms, ...change }))
    assert.ok(!found.ok && found.fault.value === 'WrongParameter')
    assert.match(`${found.fault.limit}`, new RegExp(`name ${name}, `))
  }
})

test('the contract computes rounds, tasks, requests and proofs as TypeScript does', async () => {
  const { connection } = people.requester
  const address = await deploy(connection, SwarmRewardsHarness, [])
  const abi = SwarmRewardsHarness.abi
  const vectors = JSON.parse(
    readFileSync(new URL('../../../vectors/swarm-rounds.json', import.meta.url), 'utf8'),
  ) as { readonly cases: ReturnType<typeof roundVectors> }
  assert.ok(vectors.cases.length >= 8)
  for (const { seed, weights, tasks, plays, points, winners } of vectors.cases) {
    const taken = plays.map((one) => ({
      stands: one !== null,
      answered: one?.answers !== undefined,
      answers: packBytes(one?.answers ?? []),
      judgements: packBytes(one?.judgements ?? []),
      finals: packBytes(one?.finals ?? []),
      votes: packBytes(one?.votes ?? []),
    }))
    const args = [seed, weights, BigInt(tasks), taken] as const
    const [found, won] = await connection.reader.readContract({
      address,
      abi,
      functionName: 'pointsOf',
      args,
    })
    assert.deepEqual(found.map(Number), points)
    assert.equal(won, packBytes(winners))
  }
  const seed = randomHex(0x5eed)
  for (let task = 0; task < 16; task++) {
    const [family, drawn] = await connection.reader.readContract({
      ...{ address, abi, functionName: 'taskAt', args: [seed, BigInt(task), 7n] },
    })
    assert.deepEqual({ family: Number(family), seed: drawn }, drawnTask(seed, task, 7))
  }
  for (const answer of ['', 'a', 'x'.repeat(96)]) {
    const made = proofTask({ family: 1, seed: 0x7abcdef1 }, answer)
    const context = scoreContext({ chainId: CHAIN, contract: zeroAddress }, 1)
    const found = await connection.reader.readContract({
      ...{ address, abi, functionName: 'make' },
      args: [
        proofArgument(terms.proof),
        FAMILIES[1]!,
        0x7abcdef1,
        `0x${Buffer.from(text(answer)).toString('hex')}`,
        context,
      ],
    })
    assert.equal(found.inputsRoot, taskFields(made).inputsRoot)
    assert.equal(found.initialItem, toHex(initialItem(made.initial)))
  }
  const task = proofTask({ family: 0, seed: 1 }, 'a')
  const { trace } = await runRemembering(task, referenceExecutor)
  const { outputsRoot } = await lastRoots(task, trace)
  assert.equal(
    await connection.reader.readContract({ address, abi, functionName: 'outputsRoot', args: [100n] }),
    toHex(outputsRoot),
  )
})
