import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
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
import {
  byteTokenizer,
  DEFAULT_GPT,
  DEFAULT_TRAIN,
  initialState,
  splitCorpus,
  trainProgram,
} from '@lockstep/models'
import {
  claimRoot,
  commitProgram,
  nameSegment,
  play,
  replay,
  runRemembering,
  type Side,
  type Task,
  taskFields,
  toHex,
} from '@lockstep/proof'
import { createWasmExecutor, type Executor, unwrap } from '@lockstep/tensor'
import { mnemonicToAccount } from 'viem/accounts'
import { LIES, type LieKind } from '../lies.ts'
import { seeded } from '../seeded.ts'
import { tell } from './tell.ts'

/** Random lies in the model that the tour trains, on a real chain: one by day, three of every kind by night. */

const nightly = process.env.LOCKSTEP_NIGHTLY === '1'
const kinds = nightly ? (Object.keys(LIES) as LieKind[]) : (['bit of an accumulator'] as const)
const EACH = nightly ? 3 : 1

const text = readFileSync(join(import.meta.dirname, '..', '..', 'data', 'moby-dick.txt'))
const { train } = splitCorpus(text, byteTokenizer, DEFAULT_GPT.context + 1)
const program = trainProgram({ kind: 'gpt', config: DEFAULT_GPT }, DEFAULT_TRAIN, {
  tokens: train.shape[0]!,
  dtype: 'u8',
})
const task: Task = {
  committed: commitProgram(program),
  initial: initialState({ kind: 'gpt', config: DEFAULT_GPT }, 11),
  inputs: [train],
  steps: 6,
  segmentLength: 3,
}
const timing = { clock: 600, segmentTime: 600, stepTime: 600, moveTime: 600 }

let executor: Executor
let honest: Awaited<ReturnType<typeof runRemembering>>
let anvil: LocalChain
let sides: { readonly [S in Side]: DisputeChain }
let bond: bigint
before(async () => {
  executor = await createWasmExecutor({ threads: 2 })
  honest = await runRemembering(task, executor)
  anvil = await startLocalChain()
  const at = (addressIndex: number) => {
    const account = mnemonicToAccount('test test test test test test test test test test test junk', {
      addressIndex,
    })
    return connect({ url: anvil.url, chainId: LOCAL_CHAIN.id, account, pollingInterval: 5 })
  }
  const rules = {
    treasury: '0x00000000000000000000000000000000000000aa',
    rewardShare: 2_000,
    gasPriceCap: 10n ** 11n,
    minimumTime: 1,
  } as const
  const deployer = await at(0)
  const address = await deployDisputes(deployer, rules)
  bond = await readMinimumBond(deployer, address)
  const side = async (index: number) => disputeChain(await at(index), address, { pollingInterval: 5 })
  sides = { claimant: await side(1), challenger: await side(2) }
})
after(async () => {
  honest?.trace.close()
  await executor?.close()
  await anvil?.stop()
})

for (const [k, kind] of kinds.entries()) {
  for (let i = 0; i < EACH; i++) {
    test(`a lie in the main model loses its bond, to the last step on the chain: ${kind}, ${i}`, async () => {
      const { lie, run } = await tell(task, honest.claim, executor, kind, seeded(100 * k + i + 1))
      const { header } = task.committed
      const { claimant, challenger } = sides
      const terms = { ...taskFields(task), header, ...timing, window: 86_400 + 100 * k + i, bond }
      const id = unwrap(await claimant.createTask(terms))
      const claim = unwrap(await claimant.claim(id, toHex(claimRoot(run.claim))))
      const named = nameSegment(await run.trace.checkpoints(), await honest.trace.checkpoints())!
      const dispute = unwrap(await challenger.challengeSegment(claim, named))
      const seat = (side: Side) =>
        play({
          side,
          committed: task.committed,
          source: side === 'claimant' ? run.trace : honest.trace,
          chain: sides[side],
          dispute,
          now: sides[side].now,
          wait: (until) => sides[side].wait(dispute, until),
        })
      assert.deepEqual(await Promise.all([seat('claimant'), seat('challenger')]), [
        'challenger',
        'challenger',
      ])
      const { game } = unwrap(replay(await sides.challenger.record(dispute)))
      assert.deepEqual({ step: game.step, node: game.node?.index }, { step: lie.step, node: lie.node })
      run.trace.close()
    })
  }
}
