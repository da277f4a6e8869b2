import { connect, type DisputeChain, disputeChain, disputesAbi, LOCAL_CHAIN } from '@lockstep/contracts'
import { type TaskFields, taskFields } from '@lockstep/proof'
import {
  type Address,
  createPublicClient,
  getAddress,
  getContractAddress,
  type Hex,
  http,
  isAddress,
} from 'viem'
import { badEnvironment, badInput } from '../cli-error.ts'
import type { Run } from '../run/run-directory.ts'
import { accountFor, developmentAccount, type Role } from './keys.ts'

export type ChainOptions = {
  readonly rpc: string
  readonly contract?: string
  readonly keyFile?: string
  /** The chain that is meant; another one at the URL is refused. */
  readonly chainId?: number
}

const START = 'Start a local one with `lockstep chain`, or correct --rpc.'

/** Where the contract stands on a local chain that `lockstep chain` has just started: the deployer's second. */
const localContract = (): Address =>
  getContractAddress({ from: developmentAccount('deployer').address, nonce: 1n })

/** The disputes contract at a URL, in the name of the account of this role. */
export const openChain = async (role: Role, options: ChainOptions): Promise<DisputeChain> => {
  const { rpc, keyFile } = options
  if (!/^https?:\/\/[^\s]+$/.test(rpc))
    throw badInput('rpc-invalid', '--rpc', rpc, 'an http or https URL', START)
  const found = await createPublicClient({ transport: http(rpc, { retryCount: 1 }) })
    .getChainId()
    .catch(() => {
      throw badEnvironment(
        'chain-unreachable',
        '--rpc',
        `${rpc}, where nothing answers`,
        'the URL of a chain',
        START,
      )
    })
  const meant = options.chainId ?? found
  if (meant !== found)
    throw badInput(
      'wrong-chain',
      `the chain at ${rpc}`,
      found,
      meant,
      'Give the URL of the chain that is meant.',
    )
  const account = await accountFor(role, found, keyFile)
  const connection = await connect({ url: rpc, chainId: found, account })
  const address = contractAt(options.contract, found)
  const code = await connection.reader.getCode({ address })
  if (code === undefined || code === '0x')
    throw badInput(
      'no-contract',
      '--contract',
      address,
      `an address with a contract on chain ${found}`,
      'Copy the address that `lockstep chain` prints.',
    )
  return disputeChain(connection, address)
}

const contractAt = (contract: string | undefined, chainId: number): Address => {
  if (contract === undefined && chainId === LOCAL_CHAIN.id) return localContract()
  if (contract !== undefined && isAddress(contract, { strict: false })) return getAddress(contract)
  throw badInput(
    'contract-invalid',
    '--contract',
    contract ?? 'missing',
    'an address: 0x and 40 hexadecimal digits',
    'Give the address of the disputes contract.',
  )
}

/** Refuses to put a bond on anything but the very task that this run is of. */
export const requireSameTask = async (chain: DisputeChain, task: Hex, run: Run): Promise<void> => {
  const terms = await readTask(chain, task)
  const own = taskFields(run.training.task)
  const onChain: TaskFields = {
    program: terms.program,
    initialItem: terms.initialItem,
    inputsRoot: terms.inputsRoot,
    steps: Number(terms.steps),
    segmentLength: terms.segmentLength,
  }
  for (const field of Object.keys(own) as (keyof TaskFields)[]) {
    if (own[field] === onChain[field]) continue
    throw badInput(
      'wrong-task',
      `${field} of the claim's task`,
      onChain[field],
      own[field],
      'The claim is about another task than this run: name a run of the same manifest and text.',
    )
  }
}

export const readTask = ({ connection, address }: DisputeChain, task: Hex) =>
  connection.reader.readContract({ address, abi: disputesAbi, functionName: 'getTask', args: [task] })

/** Coins to a person: wei with 18 decimals. */
export const coins = (wei: bigint): string => {
  const sign = wei < 0n ? '-' : ''
  const value = wei < 0n ? -wei : wei
  const rest = String(value % 10n ** 18n)
    .padStart(18, '0')
    .slice(0, 9)
    .replace(/0+$/, '')
  return `${sign}${value / 10n ** 18n}${rest ? `.${rest}` : ''} coins`
}
