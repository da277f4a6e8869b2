import { readFile } from 'node:fs/promises'
import { hex32 } from '@lockstep/client/fields'
import type { DisputeChain, TaskTerms } from '@lockstep/contracts'
import { readMinimumBond } from '@lockstep/contracts'
import { writeAtomic } from '@lockstep/node/atomic-file'
import { taskFields } from '@lockstep/proof'
import type { Result } from '@lockstep/tensor'
import type { Hex } from 'viem'
import { z } from 'zod'
import { type ChainOptions, coins, openChain } from '../chain/open-chain.ts'
import { badInput } from '../cli-error.ts'
import { openRun, type Run } from '../run/run-directory.ts'
import { requireOwnClaim } from '../run/verify-run.ts'
import type { Terminal } from '../terminal.ts'

export type ClaimOptions = ChainOptions & {
  /** Seconds for which the claim can be challenged. */
  readonly window: number
}

/** Puts a run's claim on a chain, under a bond. */
export const claimCommand = async (
  directory: string,
  options: ClaimOptions,
  terminal: Terminal,
): Promise<void> => {
  const run = await openRun(directory)
  const file = await requireOwnClaim(run)
  const chain = await openChain('claimant', options)
  const posted = await postClaim(chain, run, file.root, options.window)
  const { chainId, account } = chain.connection
  await writeAtomic(
    run.layout.posted,
    `${JSON.stringify({ chainId, contract: chain.address, task: posted.task, claim: posted.claim }, null, 1)}\n`,
  )
  terminal.say(`claim     ${posted.claim}`)
  terminal.say(`root      ${file.root}`)
  terminal.say(`bond      ${coins(posted.bond)} of ${account.address}`)
  terminal.say(`Anyone can challenge it for ${options.window} seconds.`)
  terminal.result({
    claim: posted.claim,
    task: posted.task,
    root: file.root,
    bond: String(posted.bond),
    claimant: account.address,
    contract: chain.address,
    chainId,
  })
}

export type Posted = { readonly task: Hex; readonly claim: Hex; readonly bond: bigint }

/** Makes the task known where it is not yet, and commits to the root. */
export const postClaim = async (
  chain: DisputeChain,
  run: Run,
  root: Hex,
  window: number,
): Promise<Posted> => {
  const bond = await readMinimumBond(chain.connection, chain.address)
  const task = accepted(await chain.createTask(termsOf(run, window, bond)), true)
  return { task, claim: accepted(await chain.claim(task, root), true), bond }
}

/** Turns are longer the more there is to run again: a segment, a step, or nothing. */
export const termsOf = (run: Run, window: number, bond: bigint): TaskTerms => {
  const { task } = run.training
  const { initialItem, inputsRoot, steps, segmentLength } = taskFields(task)
  const { header } = task.committed
  return {
    header,
    initialItem,
    inputsRoot,
    steps,
    segmentLength,
    window,
    clock: 300,
    segmentTime: 600,
    stepTime: 300,
    moveTime: 120,
    bond,
  }
}

/** The claim that is meant: by its id, or the one that this run has posted on this chain. */
export const claimId = async (run: Run, claim: string | undefined, chain: DisputeChain): Promise<Hex> => {
  if (claim !== undefined) {
    if (/^0x[0-9a-fA-F]{64}$/.test(claim)) return claim as Hex
    throw badInput('option-invalid', '--claim', claim, '0x and 64 hexadecimal digits', 'Copy the whole id.')
  }
  const { chainId } = chain.connection
  const posted = await readPosted(run.layout.posted)
  if (posted?.chainId === chainId && posted.contract === chain.address) return posted.claim
  throw badInput(
    'claim-missing',
    '--claim',
    'missing',
    `a claim on chain ${chainId}`,
    'Give the id that `lockstep claim` prints.',
  )
}

/** The claim that a run has posted; a damaged note of it is none, because the id can be given. */
const readPosted = async (path: string) => {
  try {
    return postedSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    return undefined
  }
}

const postedSchema = z.object({
  chainId: z.int(),
  contract: z.string(),
  claim: hex32,
})

export type FinalizeOptions = ChainOptions & { readonly claim?: string }

/** Ends a claim that nobody has brought down when its window has passed, and pays out what the account is owed. */
export const finalizeCommand = async (
  directory: string,
  options: FinalizeOptions,
  terminal: Terminal,
): Promise<void> => {
  const run = await openRun(directory)
  const chain = await openChain('claimant', options)
  const id = await claimId(run, options.claim, chain)
  const { status, until } = await chain.readClaim(id)
  if (status === 'none')
    throw badInput(
      'claim-unknown',
      '--claim',
      id,
      `a claim at ${chain.address}`,
      'Copy the id that `lockstep claim` prints.',
    )
  if (status === 'standing') {
    const { timestamp } = await chain.connection.reader.getBlock({ blockTag: 'pending' })
    if (timestamp < until)
      throw badInput(
        'window-open',
        'the claim',
        `open for another ${until - Number(timestamp)} seconds`,
        'a claim whose window has passed',
        'Wait for it: until then anyone may challenge.',
      )
    accepted(await chain.finalize(id))
  }
  const ended = (await chain.readClaim(id)).status
  const { address } = chain.connection.account
  const credit = await chain.credit(address)
  if (credit > 0n) accepted(await chain.withdraw(address))
  terminal.say(`claim     ${id} is ${ended}`)
  terminal.say(`paid out  ${coins(credit)} to ${address}`)
  terminal.result({ claim: id, status: ended, paid: String(credit) })
}

/** What the contract answered; `known`: a thing that exists already is as good as a new one. */
export const accepted = <T>(result: Result<T>, known = false): T => {
  if (result.ok) return result.value
  const { field, value, limit, remedy, code } = result.fault
  if (known && value === 'AlreadyExists') return limit as T
  throw badInput(code, field, `refused: ${value}`, limit === '' ? 'what the contract takes' : limit, remedy)
}
