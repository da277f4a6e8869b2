import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  connect,
  type DisputeChain,
  deployDisputes,
  disputeChain,
  LOCAL_CHAIN,
  type LocalChain,
  readMinimumBond,
  startLocalChain,
} from '@lockstep/contracts'
import { DEFAULT_TRAIN, initialParameters, type LanguageModel } from '@lockstep/models'
import {
  claimRoot,
  type Hex,
  nextMove,
  replay,
  rootOf,
  runRemembering,
  type Side,
  type Task,
  type TraceSource,
  taskFields,
  toHex,
} from '@lockstep/proof'
import {
  characterCoding,
  checkReceipt,
  committedOld,
  committedUpdate,
  createUpdater,
  decodeReceipt,
  encodeReceipt,
  encodeSharedGroup,
  familyTable,
  type Lesson,
  lessonsOf,
  oldClaim,
  oldTask,
  parametersIn,
  type ReceiptFinding,
  receiptClaimRoot,
  receiptOf,
  receiptTask,
  receiptTaskFields,
  scoredGroup,
  stateFrom,
  type UpdatePlan,
  type UpdateReceipt,
  type Updater,
} from '@lockstep/swarm'
import { createWasmExecutor, type Executor, type Tensor, unwrap } from '@lockstep/tensor'
import type { Address } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { lyingSource } from '../../proof/test/lying-source.ts'
import { TIMING } from '../../proof/test/settle.ts'
import { sorting } from '../../swarm/src/tasks/sorting.ts'
import { openChallenge, playDispute } from '../src/dispute/index.ts'

/** Lies about an update of a model: a receipt shows them to an onlooker, and the contracts convict them. */

const lengths = { prompt: 16, answer: 6 }
const coding = characterCoding
const length = lengths.prompt + lengths.answer
const model: LanguageModel = {
  kind: 'gpt',
  config: { vocab: coding.vocab, context: length, width: 8, layers: 1, heads: 2, dropout: 0 },
}
const train = { ...DEFAULT_TRAIN, batch: 2, steps: 100, warmup: 0, rate: 1e-2 }
const plan: UpdatePlan = { model, train, rows: 4, length, epochs: 1, policy: {} }
const committed = committedUpdate(plan)
const start = stateFrom(model, train, initialParameters(model, 4), 1)
const told = { participant: `0x${'0a'.repeat(20)}` as const, swarm: 3, round: 2 }
const { solution } = sorting.play(5, 1)
const group = scoredGroup(
  sorting,
  { seed: 5, level: 1 },
  [solution, '1', solution.slice(0, 2), '4'].map((text) => ({ text, ended: true })),
)
const message = encodeSharedGroup({
  ...{ ...told, modelRoot: `0x${'0b'.repeat(32)}` as const, task: group.task, rollouts: group.rollouts },
})
const lessons = lessonsOf(group, coding, lengths)

let chain: LocalChain
let contract: Address
let bond: bigint
let executor: Executor
let updater: Updater
const as = async (addressIndex: number): Promise<DisputeChain> => {
  const account = mnemonicToAccount('test test test test test test test test test test test junk', {
    addressIndex,
  })
  const connection = await connect({ url: chain.url, chainId: LOCAL_CHAIN.id, account, pollingInterval: 5 })
  return disputeChain(connection, contract, { pollingInterval: 5 })
}
before(async () => {
  chain = await startLocalChain()
  executor = await createWasmExecutor()
  updater = await createUpdater(executor, plan)
  const account = mnemonicToAccount('test test test test test test test test test test test junk')
  const deployer = await connect({ url: chain.url, chainId: LOCAL_CHAIN.id, account, pollingInterval: 5 })
  const rules = { treasury: account.address, rewardShare: 2_000, gasPriceCap: 10n ** 11n, minimumTime: 1 }
  contract = await deployDisputes(deployer, rules)
  bond = await readMinimumBond(deployer, contract)
})
after(async () => {
  await chain?.stop()
  updater?.close()
  await executor?.close()
})

/** The receipt of an update from some lessons, as a participant would send it. */
const receiptFrom = async (
  from: readonly Lesson[],
): Promise<{ readonly receipt: UpdateReceipt; readonly inputs: readonly Tensor[] }> => {
  const update = await updater.update(start, from)
  const receipt = receiptOf({ ...told, plan, committed, before: start, update, messages: [message] })
  return { receipt: unwrap(decodeReceipt(encodeReceipt(receipt))), inputs: update.inputs }
}

/** What an onlooker finds that has the state and the shared group. */
const lookAt = async (receipt: UpdateReceipt): Promise<ReceiptFinding> => {
  const evidence = { families: familyTable([sorting]), coding, lengths, before: start, groups: [{ message }] }
  return unwrap(await checkReceipt(receipt, evidence, updater, committed))
}

/** Claims a root of a task on the chain; the onlooker disputes it out of its own run. Gives how it ended. */
const disputed = async (task: Task, root: Hex, liar: TraceSource): Promise<string> => {
  const { program: _, ...fields } = taskFields(task)
  const [claimants, challengers] = [await as(1), await as(2)]
  const terms = { header: task.committed.header, ...fields, ...TIMING, window: 86_400, bond }
  const claim = unwrap(await claimants.claim(unwrap(await claimants.createTask(terms)), root))
  const { trace } = await runRemembering(task, executor)
  const dispute = unwrap(await openChallenge({ chain: challengers, claim, own: undefined }))
  const play = (side: Side, of: DisputeChain, source: TraceSource) =>
    playDispute(
      { chain: of, dispute, side },
      { next: (record) => nextMove({ side, committed: task.committed, source }, unwrap(replay(record))) },
    )
  const [, played] = await Promise.all([
    play('claimant', claimants, liar),
    play('challenger', challengers, trace),
  ])
  trace.close()
  assert.equal(
    (await challengers.readClaim(claim)).status,
    played.outcome === 'challenger' ? 'fallen' : 'standing',
  )
  return `${played.outcome}, ${played.judgement === undefined ? 'by the clock' : 'by the referee'}`
}

const turned: readonly Lesson[] = lessons.map((one) => ({ ...one, advantage: -one.advantage }))

test('an after-state that does not follow from what a participant says it learned is convicted on the chain', async () => {
  const honest = await receiptFrom(lessons)
  const other = await receiptFrom(turned)
  // It says the inputs that follow from the group, and the state that it came to by others.
  const { after: end, outputs } = other.receipt
  const lied = { ...honest.receipt, after: end, outputs }
  const found = await lookAt(lied)
  assert.deepEqual(found.differs, ['outputs', 'after.state', 'after.parameters'])
  assert.deepEqual(found.receipt, honest.receipt)
  const task = receiptTask(committed, plan, start, found.update.inputs)
  assert.deepEqual(receiptTaskFields(lied), taskFields(task))
  const poisoned = { ...task, inputs: other.inputs }
  const { claim, trace } = await runRemembering(poisoned, executor)
  assert.equal(receiptClaimRoot(lied), toHex(claimRoot(claim)))
  assert.equal(await disputed(task, receiptClaimRoot(lied), trace), 'challenger, by the referee')
  trace.close()
})

test('inputs that do not follow from the shared groups are seen by whoever has those, and prove nothing on the chain', async () => {
  // One of four answers counts twice as much as its score gives it.
  const [first, ...others] = lessons
  const { receipt, inputs } = await receiptFrom([{ ...first!, advantage: 2 * first!.advantage }, ...others])
  const found = await lookAt(receipt)
  assert.equal(found.differs[0], 'inputs.advantage')
  // The liar's history is true of its own inputs; but that is not the task of the groups that it says.
  const own = taskFields(receiptTask(committed, plan, start, inputs))
  const right = receiptTaskFields(found.receipt)
  assert.deepEqual({ ...own, inputsRoot: right.inputsRoot }, right)
  assert.notEqual(own.inputsRoot, right.inputsRoot)
  // Claimed of the task of the groups, it is a false after-state.
  const task = receiptTask(committed, plan, start, found.update.inputs)
  const { trace } = await runRemembering({ ...task, inputs }, executor)
  assert.equal(await disputed(task, receiptClaimRoot(receipt), trace), 'challenger, by the referee')
  trace.close()
})

test('a false `old` is a false claim about what the policy thought, and is convicted as one', async () => {
  const honest = await receiptFrom(lessons)
  const parameters = parametersIn(model, start)
  const [tokens] = honest.inputs
  const task = oldTask(committedOld(plan), plan, parameters, tokens!)
  // The last number of the last batch is another one.
  const old = honest.inputs[4]!
  const data = old.data.slice()
  data[data.length - 4]! ^= 1
  const inputs = [...honest.inputs.slice(0, 4), { ...old, data }]
  const { claim, trace } = await runRemembering(receiptTask(committed, plan, start, inputs), executor)
  trace.close()
  const runner = await executor.compile(committed.program, inputs)
  runner.load(start)
  await runner.step(honest.receipt.steps)
  const update = { state: runner.state(), inputs, outputs: runner.outputs() }
  const receipt = receiptOf({ ...told, plan, committed, before: start, update, messages: [message] })
  runner.close()
  assert.equal(receiptClaimRoot(receipt), toHex(claimRoot(claim)))
  assert.equal((await lookAt(receipt)).differs[0], 'inputs.old')
  const { claim: truth, trace: thought } = await runRemembering(task, executor)
  assert.deepEqual(oldClaim(plan, old), truth)
  const item = task.committed.program.outputs[0]!.ref.index
  const last = train.batch * (length - 1) - 1
  const liar = lyingSource(thought, task, { step: task.steps - 1, item, element: { index: last, xor: 1 } })
  const root = toHex(claimRoot(oldClaim(plan, { ...old, data })))
  assert.equal(root, toHex(rootOf(await liar.checkpoints())))
  assert.equal(await disputed(task, root, liar), 'challenger, by the referee')
  thought.close()
})
