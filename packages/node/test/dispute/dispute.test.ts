import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
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
import { type Hex, taskFields } from '@lockstep/proof'
import { type Result, unwrap } from '@lockstep/tensor'
import type { Address } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { openChallenge, openChallenger, openClaimant, type Player } from '../../src/dispute/index.ts'
import {
  auditSegments,
  type RunResult,
  type RunSpec,
  readRunDirectory,
  startRun,
} from '../../src/run/index.ts'
import { smallTask, specOf } from '../run/small-task.ts'

/** The words that every development chain knows. */
const WORDS = 'test test test test test test test test test test test junk'
const limits = { memory: 2 ** 30 }
const task = smallTask(12, 3)
let chain: LocalChain
let contract: Address
let honest: RunSpec
let truth: RunResult
/** Runs of machines that tell a lie each, with what they reached. */
const liars: { readonly spec: RunSpec; readonly end: RunResult; readonly segment: number }[] = []

const as = async (index: number): Promise<DisputeChain> => {
  const account = mnemonicToAccount(WORDS, { addressIndex: index })
  const connection = await connect({ url: chain.url, chainId: LOCAL_CHAIN.id, account, pollingInterval: 20 })
  return disputeChain(connection, contract, { pollingInterval: 50 })
}
const run = async (spec: RunSpec): Promise<RunResult> => unwrap(await startRun(spec, { limits }).result)
const players: Player[] = []
const playerOf = (opened: Result<Player>): Player => {
  const player = unwrap(opened)
  players.push(player)
  return player
}
let window = 3600
/** A claim about the task, each in a task of its own. */
const claim = async (by: DisputeChain, root: Hex): Promise<Hex> => {
  const { program: _, ...fields } = taskFields(task)
  const bond = await readMinimumBond(by.connection, by.address)
  const times = { window: window++, clock: 600, segmentTime: 600, stepTime: 600, moveTime: 600 }
  const terms = { header: task.committed.header, ...fields, ...times, bond }
  return unwrap(await by.claim(unwrap(await by.createTask(terms)), root))
}

before(async () => {
  chain = await startLocalChain()
  const account = mnemonicToAccount(WORDS, { addressIndex: 0 })
  const connection = await connect({ url: chain.url, chainId: LOCAL_CHAIN.id, account, pollingInterval: 20 })
  const rules = { rewardShare: 2_000, gasPriceCap: 100n * 10n ** 9n, minimumTime: 1 }
  contract = await deployDisputes(connection, { ...rules, treasury: account.address })
  honest = await specOf(task)
  truth = await run(honest)
  const module = join(import.meta.dirname, '..', 'run', 'lying-executor.ts')
  for (let seed = 1; liars.length < 3; seed++) {
    assert.ok(seed < 40)
    const executor = { module, options: { seed, steps: task.steps } }
    const spec = { ...honest, executor, directory: `${honest.directory}-liar-${seed}` }
    const end = await run(spec)
    const segment = end.checkpoints.findIndex((item, i) => item !== truth.checkpoints[i])
    // Not every lie reaches the state; one in the first segment needs no checkpoint to be found.
    if (segment > 0) liars.push({ spec, end, segment })
  }
})
after(async () => {
  await Promise.all(players.map((player) => player.close()))
  await chain.stop()
  await rm(dirname(honest.directory), { recursive: true, force: true })
})

test('a liar that withholds everything loses its whole history to a finished run', async () => {
  const [claimants, challengers] = [await as(1), await as(2)]
  const [liar] = liars
  const id = await claim(claimants, liar!.end.root)
  const attack = { chain: challengers, claim: id, own: { items: truth.checkpoints } }
  const dispute = unwrap(await openChallenge(attack))
  // Asked again, it is the same dispute, and no second bond.
  assert.equal(unwrap(await openChallenge(attack)), dispute)
  const claimant = playerOf(await openClaimant({ chain: claimants, spec: liar!.spec, limits }))
  const challenger = playerOf(await openChallenger({ chain: challengers, spec: honest, limits }))
  const lost = claimant.play(dispute)
  const won = unwrap(await challenger.play(dispute))
  assert.equal(won.outcome, 'challenger')
  assert.equal(won.game.segment, liar!.segment)
  assert.notEqual(won.judgement!.claimed, won.judgement!.computed)
  assert.equal(unwrap(await lost).outcome, 'challenger')
  assert.equal((await challengers.readClaim(id)).status, 'fallen')
  const late = await openChallenge(attack)
  assert.equal(late.ok ? '' : late.fault.code, 'claim-ended')
})

test('an auditor that has run one segment names it, and wins out of the checkpoints that the liar published', async () => {
  const [claimants, challengers] = [await as(3), await as(4)]
  const { spec, end, segment } = liars[1]!
  const id = await claim(claimants, end.root)
  const published = (await readRunDirectory(spec.directory))!
  const elsewhere = { ...honest, directory: `${honest.directory}-none` }
  const claimed = end.checkpoints
  const { checkpoints } = published
  const audit = unwrap(await auditSegments(elsewhere, [segment], { limits, claimed, checkpoints }).result)
  assert.equal(audit.differs?.segment, segment)
  const none = await openChallenger({ chain: challengers, spec: elsewhere, limits })
  assert.equal(none.ok ? '' : none.fault.code, 'run-invalid')
  const dispute = unwrap(await openChallenge({ chain: challengers, claim: id, claimed, own: audit.differs }))
  const claimant = playerOf(await openClaimant({ chain: claimants, spec, limits }))
  const history = { items: claimed, checkpoints }
  const options = { chain: challengers, spec: elsewhere, limits, claimed: history }
  const challenger = playerOf(await openChallenger(options))
  const lost = claimant.play(dispute)
  const won = unwrap(await challenger.play(dispute))
  assert.deepEqual([won.outcome, won.game.segment], ['challenger', segment])
  assert.equal(unwrap(await lost).outcome, 'challenger')
})

test('an honest claimant wins two disputes at once, although its process is killed and it is started again', async () => {
  const claimants = await as(5)
  const id = await claim(claimants, truth.root)
  const attackers = await Promise.all(
    [6, 7].map(async (index, i) => {
      const chain = await as(index)
      const { spec, end } = liars[i]!
      const own = { items: end.checkpoints }
      const dispute = unwrap(await openChallenge({ chain, claim: id, claimed: truth.checkpoints, own }))
      const player = playerOf(await openChallenger({ chain, spec, limits }))
      return { dispute, player, leaving: new AbortController() }
    }),
  )
  const attacks = attackers.map(({ player, dispute, leaving }) =>
    player.play(dispute, { signal: leaving.signal }).catch((error) => error),
  )
  let kills = 0
  const leaving = new AbortController()
  let moves = 0
  const claimant = playerOf(await openClaimant({ chain: claimants, spec: honest, limits }))
  const told = {
    made: async () => {
      moves++
      if (moves === 2 || moves === 5) kills += await killChildren()
      if (moves === 9) leaving.abort(new Error('the node is restarted'))
    },
  }
  const first = await Promise.allSettled(
    attackers.map(({ dispute }) => claimant.play(dispute, { ...told, signal: leaving.signal })),
  )
  assert.ok(first.some(({ status }) => status === 'rejected'))
  assert.ok(kills > 0)
  const again = playerOf(await openClaimant({ chain: claimants, spec: honest, limits }))
  const ends = await Promise.all(attackers.map(({ dispute }) => again.play(dispute)))
  for (const end of ends) assert.equal(unwrap(end).outcome, 'claimant')
  for (const { leaving } of attackers) leaving.abort()
  await Promise.all(attacks)
  assert.equal((await claimants.readClaim(id)).status, 'standing')
})

/** Kills the processes that this one has started for players. */
const killChildren = async (): Promise<number> => {
  const { pid } = process
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  let killed = 0
  for (const child of children.trim().split(' ')) {
    const command = await readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '')
    if (!command.includes('child.ts')) continue
    process.kill(Number(child), 'SIGKILL')
    killed++
  }
  return killed
}
