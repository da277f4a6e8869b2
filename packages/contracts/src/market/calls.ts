import type { Bid, Post, Slice } from '@lockstep/market'
import type { ProgramHeader } from '@lockstep/proof'
import { type Address, type Hex, parseSignature, toHex } from 'viem'
import { type Call, callsOf } from '../call.ts'
import { swarmCalls } from '../swarm/swarm-calls.ts'
import type { Delegation } from '../typed-data.ts'
import { MARKET_ABIS, type MarketAddresses } from './contracts.ts'

/** A signed permit of the token: an amount that a contract may take until a time. */
export type Permit = { readonly amount: bigint; readonly deadline: number; readonly signature: Hex }

/** What a claim brings to the market, beside the claim in Disputes. */
export type ClaimOpening = {
  readonly root: Hex
  readonly stateRoot: Hex
  readonly outputsRoot: Hex
  /** All siblings of the last checkpoint under the root. */
  readonly path: readonly Hex[]
  readonly sealedTallies: Hex
}

export type MarketCalls = ReturnType<typeof marketCalls>

/** Everything that a market's contracts can be asked to do, as calls to be sent by whoever sends them. */
export const marketCalls = (addresses: MarketAddresses) => ({
  ...jobCalls(addresses.market),
  ...auditCalls(addresses.audits),
  ...vaultCalls(addresses.vault),
  ...verifierCalls(addresses.verifiers),
  ...drawCalls(addresses.draw),
  ...delegationCalls(addresses.delegations),
  ...tokenCalls(addresses.token),
  ...swarmCalls(addresses.swarms),
})

const jobCalls = (market: Address) => {
  const call = callsOf('market', market, MARKET_ABIS.market)
  return {
    post: (post: Post): Call => call('post', [postArgument(post)]),
    postWithPermit: (post: Post, { amount, deadline, signature }: Permit): Call => {
      const { r, s, v } = signatureParts(signature)
      return call('postWithPermit', [postArgument(post), amount, BigInt(deadline), v, r, s])
    },
    cancel: (job: number): Call => call('cancel', [BigInt(job)]),
    assign: (slice: number, bid: Bid, signature: Hex): Call =>
      call('assign', [
        BigInt(bid.job),
        slice,
        { ...bid, job: BigInt(bid.job), expiry: BigInt(bid.expiry) },
        signature,
      ]),
    /** Without a signature where the sender acts for the account itself. */
    receipt: (job: number, slice: number, signature: Hex = '0x'): Call =>
      call('receipt', [BigInt(job), slice, signature]),
    decline: (job: number, slice: number): Call => call('decline', [BigInt(job), slice]),
    claim: (
      job: number,
      slice: number,
      { root, stateRoot, outputsRoot, path, sealedTallies }: ClaimOpening,
    ): Call => call('claim', [BigInt(job), slice, root, stateRoot, outputsRoot, path, sealedTallies]),
    advance: (job: number, slice: number): Call => call('advance', [BigInt(job), slice]),
    close: (job: number): Call => call('close', [BigInt(job)]),
    bounty: (claim: Hex, dispute: number): Call => call('bounty', [claim, BigInt(dispute)]),
    sweepBounty: (claim: Hex): Call => call('sweepBounty', [claim]),
  }
}

const auditCalls = (audits: Address) => {
  const call = callsOf('audits', audits, MARKET_ABIS.audits)
  return {
    drawAuditors: (claim: Hex): Call => call('draw', [claim]),
    finishAudit: (claim: Hex): Call => call('finish', [claim]),
    commitAnswer: (claim: Hex, seat: number, commitment: Hex): Call =>
      call('commit', [claim, BigInt(seat), commitment]),
    missAudit: (claim: Hex, seat: number): Call => call('miss', [claim, BigInt(seat)]),
    openTallies: (claim: Hex, salt: Hex, tallies: readonly Hex[]): Call =>
      call('open', [claim, salt, tallies]),
    revealAnswer: (claim: Hex, seat: number, answer: Hex, salt: Hex): Call =>
      call('reveal', [claim, BigInt(seat), answer, salt]),
    accuseSeat: (claim: Hex, seat: number, dispute: number): Call =>
      call('accuse', [claim, BigInt(seat), BigInt(dispute)]),
    defendSeat: (
      claim: Hex,
      seat: number,
      defence: Hex,
      path: readonly Hex[],
      predecessor: Hex,
      predecessorPath: readonly Hex[],
    ): Call => call('defend', [claim, BigInt(seat), defence, path, predecessor, predecessorPath]),
    finishSeat: (claim: Hex, seat: number): Call => call('finishSeat', [claim, BigInt(seat)]),
  }
}

const vaultCalls = (vault: Address) => {
  const call = callsOf('vault', vault, MARKET_ABIS.vault)
  return {
    deposit: (account: Address, amount: bigint): Call => call('deposit', [account, amount]),
    depositWithPermit: (owner: Address, { amount, deadline, signature }: Permit): Call => {
      const { r, s, v } = signatureParts(signature)
      return call('depositWithPermit', [owner, amount, BigInt(deadline), v, r, s])
    },
    withdraw: (to: Address, amount: bigint): Call => call('withdraw', [to, amount]),
    stake: (amount: bigint): Call => call('stake', [amount]),
    unstake: (amount: bigint): Call => call('unstake', [amount]),
    release: (): Call => call('release', []),
  }
}

const verifierCalls = (verifiers: Address) => {
  const call = callsOf('verifiers', verifiers, MARKET_ABIS.verifiers)
  return {
    enroll: (amount: bigint): Call => call('enroll', [amount]),
    leave: (): Call => call('leave', []),
    applyChanges: (most: number): Call => call('applyChanges', [BigInt(most)]),
  }
}

const drawCalls = (draw: Address) => {
  const call = callsOf('draw', draw, MARKET_ABIS.draw)
  return {
    commitSecret: (round: number, commitment: Hex): Call => call('commit', [BigInt(round), commitment]),
    revealSecret: (round: number, account: Address, secret: Hex): Call =>
      call('reveal', [BigInt(round), account, secret]),
    forfeitSecret: (round: number, account: Address): Call => call('forfeit', [BigInt(round), account]),
  }
}

const delegationCalls = (delegations: Address) => {
  const call = callsOf('delegations', delegations, MARKET_ABIS.delegations)
  return {
    /** A side's signature is not needed where that side sends it. */
    registerDelegation: (delegation: Delegation, accountSignature: Hex, keySignature: Hex): Call =>
      call('register', [delegation, accountSignature, keySignature]),
    revokeKey: (key: Address): Call => call('revoke', [key]),
  }
}

const tokenCalls = (token: Address) => {
  const call = callsOf('token', token, MARKET_ABIS.token)
  return {
    approve: (spender: Address, amount: bigint): Call => call('approve', [spender, amount]),
    transfer: (to: Address, amount: bigint): Call => call('transfer', [to, amount]),
  }
}

/** One drip for somebody; see Faucet.sol. Apart from the rest, because most chains have none. */
export const dripCall = (faucet: Address, to: Address): Call =>
  callsOf('faucet', faucet, MARKET_ABIS.faucet)('drip', [to])

const postArgument = (post: Post) => {
  const { programs, slices, times, manifest, ceiling, auditPrice, bond, auditRate, auditors } = post
  return {
    programs: programs.map(headerArgument),
    slices: slices.map(sliceArgument),
    manifest,
    ceiling,
    auditPrice,
    bond,
    auditRate,
    auditors,
    times: { ...times, deadline: BigInt(times.deadline) },
    allowed: post.allowed,
    banned: post.banned,
  }
}

const headerArgument = (header: ProgramHeader) => ({
  ...header,
  interfaceDigest: toHex(header.interfaceDigest),
  itemsRoot: toHex(header.itemsRoot),
})

const sliceArgument = (slice: Slice) => ({ ...slice, steps: BigInt(slice.steps) })

const signatureParts = (signature: Hex): { r: Hex; s: Hex; v: number } => {
  const { r, s, yParity } = parseSignature(signature)
  return { r, s, v: 27 + yParity }
}
