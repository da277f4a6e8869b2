import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  connect,
  type DisputeChain,
  deployDisputes,
  disputeChain,
  LOCAL_CHAIN,
  readMinimumBond,
  startLocalChain,
} from '@lockstep/contracts'
import {
  nameSegment,
  nextMove,
  type Outcome,
  replay,
  rootOf,
  type Side,
  type TraceSource,
  taskFields,
  toHex,
  worstLastStep,
} from '@lockstep/proof'
import { createWasmExecutor, unwrap } from '@lockstep/tensor'
import { mnemonicToAccount } from 'viem/accounts'
import { type Lie, lyingSource } from '../../proof/test/lying-source.ts'
import { TIMING } from '../../proof/test/settle.ts'
import { STEPS } from '../src/machine/instruction.ts'
import { claimScore, opensScore, scoreTask, scoreTrace } from '../src/tasks/score-task.ts'
import { sorting } from '../src/tasks/sorting.ts'

/** A score is disputed on the contracts that settle a training step: nothing on the chain knows of scores. */

const anvil = await startLocalChain()
after(() => anvil.stop())
const at = (addressIndex: number) =>
  connect({
    url: anvil.url,
    chainId: LOCAL_CHAIN.id,
    account: mnemonicToAccount('test test test test test test test test test test test junk', {
      addressIndex,
    }),
    pollingInterval: 5,
  })
const deployer = await at(0)
const address = await deployDisputes(deployer, {
  treasury: '0x00000000000000000000000000000000000000aa',
  rewardShare: 2_000,
  gasPriceCap: 10n ** 11n,
  minimumTime: 1,
})
const bond = await readMinimumBond(deployer, address)
const sides: { readonly [S in Side]: DisputeChain } = {
  claimant: await disputeChain(await at(1), address, { pollingInterval: 5 }),
  challenger: await disputeChain(await at(2), address, { pollingInterval: 5 }),
}
const executor = await createWasmExecutor()
after(() => executor.close())

const question = {
  family: sorting,
  seed: 5,
  level: 4,
  answer: new TextEncoder().encode('034489'),
}
const task = scoreTask(question)
const { program, header } = task.committed
const [SCORE, MEMORY_NODE] = [program.outputs[0]!.ref.index, program.next[0]!.index]

type Settled = {
  readonly outcome: Outcome
  readonly moves: readonly string[]
  /** Of all moves, and of the last one. */
  readonly gas: number
  readonly last: number
}

/** Claims and challenges, and plays both sides until the contract says who has won. */
const settle = async (sources: { readonly [S in Side]: TraceSource }): Promise<Settled> => {
  const { program: _, ...fields } = taskFields(task)
  const terms = { header, ...fields, ...TIMING, window: 86_400, bond }
  const made = unwrap(await sides.claimant.createTask(terms))
  const [claimed, own] = [await sources.claimant.checkpoints(), await sources.challenger.checkpoints()]
  const claim = unwrap(await sides.claimant.claim(made, toHex(rootOf(claimed))))
  const dispute = unwrap(await sides.challenger.challengeSegment(claim, nameSegment(claimed, own)!))
  const moves: string[] = []
  let last = Number(sides.challenger.lastReceipt()!.gasUsed)
  let gas = last
  for (;;) {
    const { game, posted } = unwrap(replay(await sides.claimant.record(dispute)))
    if (game.outcome !== 'open') return { outcome: game.outcome, moves, gas, last }
    const player = { side: game.turn, committed: task.committed, source: sources[game.turn] }
    const move = await nextMove(player, { game, posted })
    assert.ok(move, `${game.turn} has no move in ${game.phase}`)
    unwrap(await sides[game.turn].submit(dispute, move))
    last = Number(sides[game.turn].lastReceipt()!.gasUsed)
    gas += last
    moves.push(move.kind)
  }
}

test('who claims a score that the answer has not loses a dispute about it', async () => {
  const honest = await scoreTrace(question, executor)
  // All of the run is true but what its last step reports: 100 in place of 68.
  const lie: Lie = { step: STEPS - 1, item: SCORE, element: { index: 0, xor: 68 ^ 100 } }
  const liar = lyingSource(honest, task, lie)
  const { opening } = claimScore(question)
  assert.ok(opensScore(rootOf(await liar.checkpoints()), 100, opening), 'the claim shows the false score')
  const { outcome, moves, gas } = await settle({ claimant: liar, challenger: honest })
  assert.equal(outcome, 'challenger')
  assert.equal(moves.at(-1), 'judgeElement')
  assert.equal(moves.length, 8, String(moves))
  assert.ok(gas < 3_000_000, `${gas} gas`)
  honest.close()
})

test('the dearest place of a run is judged within the bound', async () => {
  const honest = await scoreTrace(question, executor)
  const { item, gas: bound } = worstLastStep(program)
  const liar = lyingSource(honest, task, { step: 700, item, element: { index: 0, xor: 1 } })
  const { outcome, moves, last } = await settle({ claimant: liar, challenger: honest })
  assert.equal(outcome, 'challenger')
  assert.equal(moves.at(-1), 'judgeElement')
  assert.ok(last <= bound, `${last} gas, at most ${bound} expected`)
  honest.close()
})

test('an honest score stands against a challenger that has computed another run', async () => {
  const honest = await scoreTrace(question, executor)
  const liar = lyingSource(honest, task, {
    step: 700,
    item: MEMORY_NODE,
    element: { index: 0, xor: 1 },
  })
  const { outcome, moves } = await settle({ claimant: honest, challenger: liar })
  assert.equal(outcome, 'claimant')
  assert.equal(moves.at(-1), 'judgeElement')
  honest.close()
})
