import {
  bidData,
  type DisputeChain,
  type MarketAddresses,
  type MarketReads,
  SCOPES,
  signerOf,
} from '@lockstep/contracts'
import type { Address } from '@lockstep/market'
import type { Verdict } from '@lockstep/network'
import { claimRoot, digestFromHex, type Hex, toHex } from '@lockstep/proof'
import { keccak256, toBytes } from 'viem'
import type { MailboxChecks } from './mailbox.ts'

export type MailboxChecksOptions = {
  readonly chainId: number
  readonly addresses: MarketAddresses
  readonly read: MarketReads
  readonly disputes: Pick<DisputeChain, 'readClaim'>
  /** The chain's seconds. */
  readonly now: () => number
}

/** Answers of the chain that are remembered: everybody's messages would otherwise become calls. */
const MEMORY = 4096
const ACCOUNT_SECONDS = 60
/** Who has staked just now is heard soon; who never does asks the chain no more often than this. */
const POOR_SECONDS = 4

/** Holds what peers say against the chain. What the chain does not know (yet) is ignored, not held against anyone. */
export const mailboxChecks = (options: MailboxChecksOptions): MailboxChecks => {
  const { chainId, addresses, read, disputes, now } = options
  const manifests = bounded<number, Hex>()
  const claims = bounded<Hex, { readonly root: Hex; readonly job: number; readonly slice: number }>()
  const accounts = bounded<Address, { readonly account: Address; readonly until: number }>()
  const means = bounded<Address, { readonly suffices: boolean; readonly until: number }>()

  const manifestOf = async (job: number): Promise<Hex | undefined> => {
    const known = manifests.get(job)
    if (known) return known
    const { status } = await read.job(job)
    if (status === 'none') return undefined
    const { manifest } = await read.spec(job)
    manifests.set(job, manifest)
    return manifest
  }
  const accountOf = async (key: Address): Promise<Address> => {
    const known = accounts.get(key)
    if (known && known.until > now()) return known.account
    const account = (await read.accountOf(key, SCOPES.provide)).toLowerCase() as Address
    accounts.set(key, { account, until: now() + ACCOUNT_SECONDS })
    return account
  }
  /** Whether an account's free stake could be locked for any slice at all: names cost nothing, stake does. */
  const canStake = async (account: Address): Promise<boolean> => {
    const known = means.get(account)
    if (known && known.until > now()) return known.suffices
    const [free, { minimumStake }] = await Promise.all([read.freeStake(account), read.charges()])
    const suffices = free >= minimumStake
    means.set(account, { suffices, until: now() + (suffices ? ACCOUNT_SECONDS : POOR_SECONDS) })
    return suffices
  }
  /** Claims of slices: an audit begins with each. */
  const claimOf = async (claim: Hex) => {
    const known = claims.get(claim)
    if (known) return known
    const audit = await read.audit(claim)
    if (audit.status === 'none') return undefined
    const { root } = await disputes.readClaim(claim)
    const found = { root, job: audit.job, slice: audit.slice }
    claims.set(claim, found)
    return found
  }

  return {
    announcement: ({ job, manifest }) =>
      trusting(async () => {
        const hash = await manifestOf(job)
        if (hash === undefined) return 'ignore'
        return keccak256(toBytes(manifest)) === hash ? 'accept' : 'reject'
      }),
    bid: ({ bid, signature }) =>
      trusting(async () => {
        if (bid.expiry <= now()) return 'ignore'
        if ((await manifestOf(bid.job)) === undefined) return 'ignore'
        const signer = await signerOf(bidData({ chainId, contract: addresses.market }, bid), signature)
        if (!signer.ok || signer.value.toLowerCase() !== bid.key) return 'reject'
        // A delegation may be registered, or revoked, at any time: that is nobody's misconduct.
        if ((await accountOf(bid.key)) !== bid.account) return 'ignore'
        return (await canStake(bid.account)) ? 'accept' : 'ignore'
      }),
    history: ({ claim, job, slice, items, checkpoints }) =>
      trusting(async () => {
        const known = await claimOf(claim)
        if (known === undefined) return 'ignore'
        if (job !== known.job || slice !== known.slice) return 'reject'
        if (checkpoints.length !== items.length - 1) return 'reject'
        const root = toHex(claimRoot({ checkpoints: items.map(digestFromHex) }))
        return root === known.root ? 'accept' : 'reject'
      }),
  }
}

/** A chain that does not answer says nothing about a message. */
const trusting = async (check: () => Promise<Verdict>): Promise<Verdict> => {
  try {
    return await check()
  } catch {
    return 'ignore'
  }
}

const bounded = <K, V>() => {
  const map = new Map<K, V>()
  return {
    get: (key: K): V | undefined => map.get(key),
    set: (key: K, value: V): void => {
      map.delete(key)
      map.set(key, value)
      if (map.size > MEMORY) map.delete(map.keys().next().value!)
    },
  }
}
