import { ChainError } from '@lockstep/contracts'
import {
  type Abi,
  type AbiEvent,
  type Address,
  decodeEventLog,
  type Hex,
  keccak256,
  toEventSelector,
  toHex,
} from 'viem'
import type { ChainLog } from './chain-reads.ts'
import type { ChainEvent, EventArgs } from './event-log.ts'

/** A contract whose events are followed. */
export type IndexedContract = {
  readonly name: string
  readonly address: Address
  readonly abi: Abi
  /** The block that it was deployed in, or an earlier one. */
  readonly fromBlock?: number
  /**
   * Arguments that say what an event is about, the most telling first: with ['job'], an event whose `job` is 7 has the
   * subject `job:7`. Addresses in subjects are in small letters.
   */
  readonly subjects?: readonly string[]
}

/** What the index is made from: another value means that it has to be made anew. */
export const indexKey = (contracts: readonly IndexedContract[]): string =>
  keccak256(
    toHex(
      JSON.stringify(
        contracts.map(({ name, address, abi, fromBlock = 0, subjects = [] }) => [
          name,
          address.toLowerCase(),
          fromBlock,
          subjects,
          eventsOf(abi)
            .map((event) => JSON.stringify(event))
            .sort(),
        ]),
      ),
    ),
  )

const eventsOf = (abi: Abi): readonly AbiEvent[] => abi.filter((item) => item.type === 'event')

/** Reads logs as events; undefined for what the ABI has no event for, such as one of a library. */
export const eventDecoder = (
  contracts: readonly IndexedContract[],
): ((log: ChainLog, time: number) => ChainEvent | undefined) => {
  const byAddress = new Map(
    contracts.map((contract) => [
      contract.address.toLowerCase(),
      { contract, known: new Set<string>(eventsOf(contract.abi).map(toEventSelector)) },
    ]),
  )
  return (log, time) => {
    const found = byAddress.get(log.address)
    const [topic] = log.topics
    if (found === undefined || topic === undefined || !found.known.has(topic)) return undefined
    const { contract } = found
    try {
      const { eventName, args } = decodeEventLog({
        abi: contract.abi,
        data: log.data,
        topics: [...log.topics] as [Hex, ...Hex[]],
      }) as unknown as { readonly eventName: string; readonly args?: object }
      const named = (Array.isArray(args) ? { ...args } : (args ?? {})) as EventArgs
      const about = contract.subjects?.find((name) => named[name] !== undefined)
      return {
        block: log.blockNumber,
        logIndex: log.logIndex,
        blockHash: log.blockHash,
        transactionHash: log.transactionHash,
        time,
        contract: contract.name,
        name: eventName,
        ...(about === undefined ? {} : { subject: `${about}:${named[about]}`.toLowerCase() }),
        args: named,
      }
    } catch (error) {
      // To leave it out would make every view wrong from here on, and nobody would know.
      throw new ChainError(
        'unknown',
        `log ${log.logIndex} of block ${log.blockNumber} is no event of ${contract.name} at ${log.address}: ${(error as Error).message.split('\n')[0]}; check that this address belongs to this version of the contracts`,
      )
    }
  }
}
