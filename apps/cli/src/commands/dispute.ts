import { stat } from 'node:fs/promises'
import type { DisputeChain } from '@lockstep/contracts'
import { type DisputePlayed, playFromTrace } from '@lockstep/node/dispute'
import { nameSegment, type Side, treeOf } from '@lockstep/proof'
import type { Executor, Tensor } from '@lockstep/tensor'
import type { Address, Hex } from 'viem'
import { transactionsOf } from '../chain/account-of-moves.ts'
import { describeMove } from '../chain/describe-move.ts'
import { type ChainOptions, coins, openChain, readTask, requireSameTask } from '../chain/open-chain.ts'
import { badInput, EXIT, type ExitCode } from '../cli-error.ts'
import { readCheckpoint } from '../run/checkpoint-file.ts'
import { type ClaimFile, readClaim } from '../run/claim-file.ts'
import { layoutOf } from '../run/layout.ts'
import { openRun, type Run } from '../run/run-directory.ts'
import { requireOwnClaim } from '../run/verify-run.ts'
import type { Terminal } from '../terminal.ts'
import { accepted, claimId } from './claim.ts'

export type DisputeOptions = ChainOptions & {
  readonly as: Side
  /** The claim that is disputed; a claimant's own is found in its run. */
  readonly claim?: string
  /** The claimant's published claim file or run: with it the challenger names the segment itself. */
  readonly theirs?: string
  /** Seconds that a claimant waits for somebody to challenge. */
  readonly patience: number
}

/** Plays one side of a dispute about a claim to its end, out of a run of one's own. */
export const disputeCommand = async (
  directory: string,
  options: DisputeOptions,
  executor: Executor,
  terminal: Terminal,
): Promise<ExitCode> => {
  const run = await openRun(directory)
  const file = await requireOwnClaim(run)
  const chain = await openChain(options.as, options)
  const id = await claimId(run, options.claim, chain)
  const claim = await chain.readClaim(id)
  if (claim.status === 'none')
    throw badInput(
      'claim-unknown',
      '--claim',
      id,
      `a claim at ${chain.address}`,
      'Copy the id that `lockstep claim` prints.',
    )
  await requireSameTask(chain, claim.task, run)
  const { bond } = await readTask(chain, claim.task)
  const account = chain.connection.account.address
  if (options.as === 'challenger' && claim.root === file.root) {
    terminal.say(`Nothing to dispute: claim ${id} has the root of your own run, ${file.root}.`)
    terminal.result({ claim: id, equal: true })
    return EXIT.ok
  }
  if (options.as === 'challenger' && claim.status !== 'standing')
    throw badInput(
      'claim-ended',
      '--claim',
      claim.status,
      'standing',
      'Only a standing claim can be challenged.',
    )
  const dispute =
    options.as === 'challenger'
      ? ((await openDispute(chain, id, account)) ?? (await open(chain, id, file, options, terminal)))
      : claim.status === 'standing'
        ? await awaitChallenge(chain, id, options.patience)
        : await lastDispute(chain, id, claim.status)
  const { openedBlock: fromBlock } = await chain.readDispute(dispute)
  terminal.say(`dispute ${dispute} about claim ${id}: each side has ${coins(bond)} at stake`)
  const played = await playFromTrace({
    chain,
    dispute,
    side: options.as,
    task: run.training.task,
    executor,
    claim: file.claim,
    state: (checkpoint) => storedState(run, checkpoint),
    made: async (move) => {
      // The first transaction of a dispute opens it.
      const { gas } = (await transactionsOf(chain, dispute, fromBlock))[move.number + 1]!
      terminal.say(
        `  ${String(move.number + 1).padStart(2)} ${describeMove(move).padEnd(84)} ${String(gas).padStart(7)} gas`,
      )
    },
    refused: (_, reason) => terminal.note(`a move was refused: ${reason}`),
  })
  return report(chain, dispute, played, { id, bond, account, fromBlock, side: options.as }, terminal)
}

const open = async (
  chain: DisputeChain,
  id: Hex,
  own: ClaimFile,
  { theirs }: DisputeOptions,
  terminal: Terminal,
): Promise<number> => {
  if (theirs === undefined) return accepted(await chain.challenge(id))
  const path = (await stat(theirs).catch(() => undefined))?.isDirectory() ? layoutOf(theirs).claim : theirs
  const file = await readClaim(path)
  const { root } = await chain.readClaim(id)
  if (file.root !== root)
    throw badInput(
      'claim-differs',
      `root of ${path}`,
      file.root,
      root,
      'The file is of another claim: leave --theirs out.',
    )
  const named = nameSegment(treeOf(file.claim.checkpoints), treeOf(own.claim.checkpoints))!
  terminal.say(`the claim leaves your own run in segment ${named.segment}: that one is challenged`)
  return accepted(await chain.challengeSegment(id, named))
}

/** The first dispute about a claim that has not ended: of anybody, or what this challenger has begun before. */
const openDispute = async (
  chain: DisputeChain,
  id: Hex,
  challenger?: Address,
): Promise<number | undefined> => {
  const { disputes } = await chain.disputesSince(0n)
  for (const found of disputes) {
    if (found.claim !== id || (challenger && found.challenger !== challenger)) continue
    if ((await chain.readDispute(found.dispute)).isOpen) return found.dispute
  }
  return undefined
}

/** How a claim that stands no more was brought down. */
const lastDispute = async (chain: DisputeChain, id: Hex, status: string): Promise<number> => {
  const { disputes } = await chain.disputesSince(0n)
  const last = disputes.findLast(({ claim }) => claim === id)
  if (last) return last.dispute
  throw badInput('claim-ended', '--claim', status, 'standing', 'Nobody has disputed it, and nobody can.')
}

/** A dispute about a claim that has not ended, as soon as there is one. */
export const awaitChallenge = async (chain: DisputeChain, id: Hex, patience: number): Promise<number> => {
  const deadline = performance.now() + 1000 * patience
  for (;;) {
    const dispute = await openDispute(chain, id)
    if (dispute !== undefined) return dispute
    if (performance.now() > deadline)
      throw badInput(
        'not-challenged',
        '--claim',
        id,
        `challenged within ${patience} seconds`,
        'Nobody disputes it: wait longer with --patience, or until its window has passed.',
      )
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

export const storedState = async (run: Run, checkpoint: number): Promise<readonly Tensor[] | undefined> => {
  const { task } = run.training
  const step = Math.min((checkpoint + 1) * task.segmentLength, task.steps)
  const path = run.layout.checkpoint(step)
  const found = await readCheckpoint(path, task.committed.program, step).catch(() => undefined)
  return found?.checkpoint.state
}

type Stakes = {
  readonly id: Hex
  readonly bond: bigint
  readonly account: Hex
  readonly fromBlock: bigint
  readonly side: Side
}

const report = async (
  chain: DisputeChain,
  dispute: number,
  { outcome, moves, judgement, game }: DisputePlayed,
  { id, bond, account, side, fromBlock }: Stakes,
  terminal: Terminal,
): Promise<ExitCode> => {
  const spent = await transactionsOf(chain, dispute, fromBlock)
  const own = spent.filter(({ from }) => from.toLowerCase() === account.toLowerCase())
  const gas = own.reduce((sum, { gas }) => sum + gas, 0n)
  const last = spent.at(-1)?.gas ?? 0n
  terminal.say(
    `gas: ${gas} for you in all, ${spent[0]?.gas ?? 0n} to open the dispute, ${last} for the last move`,
  )
  if (judgement) {
    terminal.say(`The referee computed ${judgement.what}, in step ${game.step} of segment ${game.segment}:`)
    for (const line of judgement.operands) terminal.say(`    ${line}`)
    for (const line of judgement.instructions) terminal.say(`    ${line}`)
    terminal.say(`  the claimant said  ${judgement.claimed}`)
    terminal.say(`  the referee found  ${judgement.computed}`)
  }
  const won = outcome === side
  const credit = await chain.credit(account)
  terminal.say(
    outcome === 'void'
      ? 'The program itself is invalid: both bonds go back.'
      : `The ${outcome} wins. ${won ? `You get ${coins(credit)}: your bond, your gas and a reward` : `Your bond of ${coins(bond)} is lost`}.`,
  )
  if (credit > 0n) accepted(await chain.withdraw(account))
  terminal.result({
    dispute,
    claim: id,
    outcome,
    won,
    moves,
    gas: Number(gas),
    lastMoveGas: Number(last),
    segment: game.segment,
    step: game.step,
    ...(game.node && { node: game.node.index, element: game.node.element }),
    ...(judgement && { judgement }),
    credit: String(credit),
    bond: String(bond),
  })
  return won || outcome === 'void' ? EXIT.ok : EXIT.difference
}
