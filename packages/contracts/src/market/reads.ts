import {
  AUDIT_STATUS,
  type AuditStatus,
  type Charges,
  JOB_STATUS,
  type Job,
  type Progress,
  type Reputation,
  SEAT_STATUS,
  type SeatStatus,
  SLICE_STATUS,
  type Slice,
  type Spec,
} from '@lockstep/market'
import type { ProgramHeader } from '@lockstep/proof'
import { type Address, type Hex, hexToBytes, type PublicClient } from 'viem'
import { swarmReads } from '../swarm/swarm-reads.ts'
import { MARKET_ABIS, type MarketAddresses } from './contracts.ts'

/** What the Vault holds of an account. */
export type VaultAccount = {
  /** Locked stake included. */
  readonly stake: bigint
  readonly locked: bigint
  readonly credit: bigint
  readonly unbonding: bigint
  /** When the unbonding part is free, in the chain's seconds. */
  readonly until: number
}

export type Audit = {
  readonly status: AuditStatus
  readonly job: number
  readonly slice: number
  readonly account: Address
  readonly auditRate: number
  readonly auditors: number
  /** Of the draw, begun. */
  readonly rounds: number
  /** Drawn, and how many of them have committed, said that they could not, and answered. */
  readonly seats: number
  readonly committed: number
  readonly missing: number
  readonly answered: number
  readonly ended: boolean
  /** Of the status. */
  readonly deadline: number
  readonly round: number
  readonly segments: number
  readonly sealedTallies: Hex
  readonly random: Hex
}

export type AuditSeat = {
  readonly account: Address
  readonly status: SeatStatus
  readonly pay: bigint
  readonly deadline: number
  readonly segment: number
  readonly commitment: Hex
  readonly expected: Hex
  /** What it was accused by, and the claim that defends it; zero where there is none. */
  readonly dispute: number
  readonly defence: Hex
}

export type Enrolment = {
  readonly locked: bigint
  /** 0: not enrolled. */
  readonly place: number
  readonly duties: number
  readonly changes: number
  readonly leaving: boolean
}

export const DRAW_STATUS = ['none', 'pending', 'ready', 'failed'] as const
export type DrawStatus = (typeof DRAW_STATUS)[number]

/** When a round begins, when its secrets begin to be revealed, and when it is over. */
export type RoundTimes = { readonly begin: number; readonly half: number; readonly end: number }

export type MarketReads = ReturnType<typeof marketReads>

/** What can be asked of a market's contracts. Numbers are numbers where they are small, amounts are bigint. */
export const marketReads = (reader: PublicClient, addresses: MarketAddresses) => ({
  ...jobReads(reader, addresses.market),
  ...auditReads(reader, addresses.audits),
  ...vaultReads(reader, addresses.vault),
  ...verifierReads(reader, addresses.verifiers),
  ...drawReads(reader, addresses.draw),
  ...delegationReads(reader, addresses.delegations),
  ...reputationReads(reader, addresses.reputation),
  ...swarmReads(reader, addresses.swarms),
  tokens: (account: Address): Promise<bigint> =>
    reader.readContract({
      address: addresses.token,
      abi: MARKET_ABIS.token,
      functionName: 'balanceOf',
      args: [account],
    }),
  /** How many permits an account has used: the next one's number. */
  permits: (account: Address): Promise<bigint> =>
    reader.readContract({
      address: addresses.token,
      abi: MARKET_ABIS.token,
      functionName: 'nonces',
      args: [account],
    }),
})

const jobReads = (reader: PublicClient, address: Address) => {
  const abi = MARKET_ABIS.market
  return {
    job: async (job: number): Promise<Job> => {
      const found = await reader.readContract({ address, abi, functionName: 'getJob', args: [BigInt(job)] })
      return {
        requester: found.requester,
        status: JOB_STATUS[found.status]!,
        posted: found.posted,
        slices: found.slices,
        invalid: [0, 1, 2, 3, 4, 5, 6, 7].filter((program) => (found.invalid >> program) % 2 === 1),
        escrow: found.escrow,
      }
    },
    spec: async (job: number): Promise<Spec> => {
      const found = await reader.readContract({ address, abi, functionName: 'getSpec', args: [BigInt(job)] })
      return { ...found, times: { ...found.times, deadline: Number(found.times.deadline) } }
    },
    program: async (job: number, program: number): Promise<ProgramHeader> => {
      const args = [BigInt(job), program] as const
      const found = await reader.readContract({ address, abi, functionName: 'getProgram', args })
      return {
        ...found,
        interfaceDigest: hexToBytes(found.interfaceDigest),
        itemsRoot: hexToBytes(found.itemsRoot),
      }
    },
    slice: async (job: number, slice: number): Promise<Slice> => {
      const args = [BigInt(job), slice] as const
      const found = await reader.readContract({ address, abi, functionName: 'getSlice', args })
      return { ...found, steps: Number(found.steps) }
    },
    progress: async (job: number, slice: number): Promise<Progress> => {
      const args = [BigInt(job), slice] as const
      const found = await reader.readContract({ address, abi, functionName: 'getProgress', args })
      return { ...found, status: SLICE_STATUS[found.status]! }
    },
    /** The task that an assigned slice becomes by its receipt: what the receipt is signed for. */
    taskOf: async (job: number, slice: number, account: Address): Promise<Hex> => {
      const args = [BigInt(job), slice, '0x'] as const
      const call = { address, abi, functionName: 'receipt', args, account } as const
      return (await reader.simulateContract(call)).result
    },
    /** The accounts that must not audit a slice. */
    partiesOf: (job: number, slice: number): Promise<readonly Address[]> =>
      reader.readContract({ address, abi, functionName: 'partiesOf', args: [BigInt(job), slice] }),
    /** What is locked for a slice at its assignment. */
    stakeFor: (job: number, slice: number): Promise<bigint> =>
      reader.readContract({ address, abi, functionName: 'stakeFor', args: [BigInt(job), slice] }),
    jobCount: async (): Promise<number> =>
      Number(await reader.readContract({ address, abi, functionName: 'jobCount' })),
    /** What a job that is posted now is charged. */
    charges: (): Promise<Charges> => reader.readContract({ address, abi, functionName: 'charges' }),
    minimumTime: async (): Promise<number> =>
      Number(await reader.readContract({ address, abi, functionName: 'minimumTime' })),
  }
}

const auditReads = (reader: PublicClient, address: Address) => {
  const abi = MARKET_ABIS.audits
  return {
    audit: async (claim: Hex): Promise<Audit> => {
      const found = await reader.readContract({ address, abi, functionName: 'getAudit', args: [claim] })
      return {
        ...found,
        status: AUDIT_STATUS[found.status]!,
        job: Number(found.job),
        round: Number(found.round),
      }
    },
    seat: async (claim: Hex, seat: number): Promise<AuditSeat> => {
      const args = [claim, BigInt(seat)] as const
      const found = await reader.readContract({ address, abi, functionName: 'getSeat', args })
      return { ...found, status: SEAT_STATUS[found.status]!, dispute: Number(found.dispute) }
    },
  }
}

const vaultReads = (reader: PublicClient, address: Address) => {
  const abi = MARKET_ABIS.vault
  return {
    account: (account: Address): Promise<VaultAccount> =>
      reader.readContract({ address, abi, functionName: 'getAccount', args: [account] }),
    freeStake: (account: Address): Promise<bigint> =>
      reader.readContract({ address, abi, functionName: 'freeStake', args: [account] }),
    /** What an escrow of an office holds; the market's have its jobs' numbers. */
    escrowOf: (office: Address, escrow: number | bigint): Promise<bigint> =>
      reader.readContract({ address, abi, functionName: 'escrowOf', args: [office, BigInt(escrow)] }),
  }
}

const verifierReads = (reader: PublicClient, address: Address) => {
  const abi = MARKET_ABIS.verifiers
  return {
    enrolment: (account: Address): Promise<Enrolment> =>
      reader.readContract({ address, abi, functionName: 'enrolmentOf', args: [account] }),
    /** What counts in draws now. */
    weightOf: (account: Address): Promise<bigint> =>
      reader.readContract({ address, abi, functionName: 'weightOf', args: [account] }),
    totalWeight: (): Promise<bigint> => reader.readContract({ address, abi, functionName: 'totalWeight' }),
    minimumWeight: (): Promise<bigint> =>
      reader.readContract({ address, abi, functionName: 'minimumWeight' }),
    /** How many changes of weights wait, and when the first of them is due. */
    changesWaiting: async (): Promise<{ readonly count: number; readonly due: number }> => {
      const [count, due] = await reader.readContract({ address, abi, functionName: 'changesWaiting' })
      return { count: Number(count), due: Number(due) }
    },
  }
}

const drawReads = (reader: PublicClient, address: Address) => {
  const abi = MARKET_ABIS.draw
  return {
    randomness: async (round: number): Promise<{ readonly status: DrawStatus; readonly random: Hex }> => {
      const args = [BigInt(round)] as const
      const [status, random] = await reader.readContract({ address, abi, functionName: 'randomness', args })
      return { status: DRAW_STATUS[status]!, random }
    },
    roundTimes: async (round: number): Promise<RoundTimes> => {
      const args = [BigInt(round)] as const
      const times = await reader.readContract({ address, abi, functionName: 'timesOf', args })
      const [begin, half, end] = times.map(Number) as [number, number, number]
      return { begin, half, end }
    },
    /** What an account is to commit to: nobody else can use it. */
    sealSecret: (round: number, account: Address, secret: Hex): Promise<Hex> =>
      reader.readContract({ address, abi, functionName: 'seal', args: [BigInt(round), account, secret] }),
    /** What an account has committed to and not revealed; zero where there is nothing. */
    secretCommitment: (round: number, account: Address): Promise<Hex> =>
      reader.readContract({ address, abi, functionName: 'commitmentOf', args: [BigInt(round), account] }),
  }
}

const delegationReads = (reader: PublicClient, address: Address) => {
  const abi = MARKET_ABIS.delegations
  return {
    /** For whom a key may act with these scopes: itself where it was never delegated; the zero address: for nobody. */
    accountOf: (key: Address, scopes: number): Promise<Address> =>
      reader.readContract({ address, abi, functionName: 'accountOf', args: [key, BigInt(scopes)] }),
    /** What is registered of a key; undefined where nothing ever was. */
    delegationOf: async (
      key: Address,
    ): Promise<
      | {
          readonly account: Address
          readonly scopes: number
          readonly expiry: number
          readonly revoked: boolean
        }
      | undefined
    > => {
      const [account, scopes, expiry, revoked] = await reader.readContract({
        address,
        abi,
        functionName: 'delegationOf',
        args: [key],
      })
      return BigInt(account) === 0n
        ? undefined
        : { account, scopes: Number(scopes), expiry: Number(expiry), revoked }
    },
  }
}

const reputationReads = (reader: PublicClient, address: Address) => {
  const abi = MARKET_ABIS.reputation
  return {
    reputation: (account: Address): Promise<Reputation> =>
      reader.readContract({ address, abi, functionName: 'recordOf', args: [account] }),
    /** Of 10,000, at most 1,000: what is taken off its price when bids are compared. */
    discountOf: (account: Address): Promise<bigint> =>
      reader.readContract({ address, abi, functionName: 'discountOf', args: [account] }),
    reputationScale: (): Promise<bigint> => reader.readContract({ address, abi, functionName: 'scale' }),
  }
}
