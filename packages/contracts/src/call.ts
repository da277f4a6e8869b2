import { setTimeout as sleep } from 'node:timers/promises'
import { fail, ok, type Result } from '@lockstep/tensor'
import {
  type Abi,
  type Address,
  BaseError,
  type ContractFunctionArgs,
  type ContractFunctionName,
  decodeErrorResult,
  encodeFunctionData,
  type Hex,
  hexToString,
  keccak256,
  type TransactionReceipt,
} from 'viem'
import { isOutOfReach } from './chain-fault.ts'
import type { Connection } from './connection.ts'

/** What a contract is asked to do: a transaction's content, before anyone signs or sends it. */
export type Call = {
  /** Contract and function, such as `market.assign`: for faults and logs. */
  readonly name: string
  readonly to: Address
  readonly data: Hex
  readonly value: bigint
}

type Writing = 'nonpayable' | 'payable'

/** Makes calls of one contract; the arguments are checked by the types of its ABI. */
export const callsOf =
  <const A extends Abi>(contract: string, to: Address, abi: A) =>
  <const F extends ContractFunctionName<A, Writing>>(
    functionName: F,
    args: ContractFunctionArgs<A, Writing, F>,
    value = 0n,
  ): Call => ({
    name: `${contract}.${functionName}`,
    to,
    data: encodeFunctionData({ abi, functionName, args } as never),
    value,
  })

/**
 * Sends a call and waits until it is mined. A refusal is found before anything is sent, and is a fault with the
 * contract's error in it; a lost connection is thrown, when it has been tried again and the transaction has not arrived.
 */
export const sendCall = (
  connection: Connection,
  call: Call,
  errors: Abi,
): Promise<Result<TransactionReceipt>> =>
  connection.inTurn(async () => {
    const { account, reader, mined } = connection
    const { to, data, value } = call
    let gas: bigint
    try {
      gas = await reader.estimateGas({ account, to, data, value })
    } catch (error) {
      return refusedCall(call.name, error, errors)
    }
    // What the chain's time or a stranger changes until it is mined may cost a little more.
    gas = (gas * 5n) / 4n + 30_000n
    return ok(await mined(await handOver(connection, { to, data, value, gas })))
  })

type Content = Omit<Call, 'name'> & { readonly gas: bigint }

const HAND_OVERS = 5
const HAND_OVER_MS = 500

/** Signs here, so that a transaction whose answer was lost, or that was handed over twice, is known by its hash. */
const handOver = async ({ account, wallet, reader }: Connection, content: Content): Promise<Hex> => {
  if (account.type !== 'local') return wallet.sendTransaction(content)
  const prepared = await wallet.prepareTransactionRequest({ ...content, account })
  const serializedTransaction = await wallet.signTransaction(prepared as never)
  const hash = keccak256(serializedTransaction)
  for (let tries = 1; ; tries++) {
    try {
      await wallet.sendRawTransaction({ serializedTransaction })
      return hash
    } catch (error) {
      if (/already (known|imported)/i.test(String(error))) return hash
      // Its nonce is used up where it was mined already, and nothing was heard of that.
      if (!isOutOfReach(error) && !/nonce.*too low/i.test(String(error))) throw error
      const found = await reader.getTransactionReceipt({ hash }).catch(() => undefined)
      if (found !== undefined) return hash
      if (!isOutOfReach(error) || tries === HAND_OVERS) throw error
      await sleep(HAND_OVER_MS)
    }
  }
}

/** What would come of a call if it were mined next: nothing is sent. */
export const tryCall = async (
  { account, reader }: Pick<Connection, 'account' | 'reader'>,
  { name, to, data, value }: Call,
  errors: Abi,
): Promise<Result<void>> => {
  try {
    await reader.call({ account, to, data, value })
    return ok(undefined)
  } catch (error) {
    return refusedCall(name, error, errors)
  }
}

/**
 * A contract's refusal as a fault: its error's name is the value, the error's arguments are the limit. Anything else,
 * such as a lost connection, is thrown again.
 */
export const refusedCall = (name: string, error: unknown, errors: Abi): Result<never> => {
  const refuse = (value: string, limit: string): Result<never> =>
    fail({
      code: 'call-refused',
      field: name,
      value,
      limit,
      remedy:
        'Nothing was changed. Read the chain again; what the contract refuses is not tried again as it is.',
    })
  if (!(error instanceof BaseError)) throw error
  const data = revertData(error)
  if (data === undefined) {
    // Not every node says more than that it reverted; a connection that was lost says nothing of the kind.
    const reverted = error.walk((cause) => cause instanceof Error && cause.name === 'ExecutionRevertedError')
    if (reverted === null) throw error
    return refuse('reverted without a reason', '')
  }
  try {
    const { errorName, args, abiItem } = decodeErrorResult({ abi: errors, data })
    const inputs = 'inputs' in abiItem ? abiItem.inputs : []
    const shown = ((args ?? []) as readonly unknown[]).map((value, i) => {
      const input = inputs[i]
      return input?.name ? `${input.name} ${shownAs(input.type, value)}` : shownAs(input?.type, value)
    })
    return refuse(errorName, shown.join(', '))
  } catch {
    return refuse(`an unknown error ${data.slice(0, 10)}`, '')
  }
}

/** What the contract reverted with, wherever the node and the layers above it have put that. */
const revertData = (error: BaseError): Hex | undefined => {
  let found: Hex | undefined
  error.walk((cause) => {
    const data = (cause as { readonly data?: unknown }).data
    const hex = typeof data === 'object' && data !== null && 'data' in data ? data.data : data
    if (typeof hex === 'string' && /^0x([0-9a-f]{2}){4,}$/i.test(hex)) found = hex as Hex
    return found !== undefined
  })
  return found
}

/** The contracts give a field's name as left-aligned text. */
const shownAs = (type: string | undefined, value: unknown): string => {
  if (type !== 'bytes32') return String(value)
  const text = hexToString(value as Hex).replace(/\0+$/, '')
  return /^[\x20-\x7e]{1,31}$/.test(text) ? text : String(value)
}
