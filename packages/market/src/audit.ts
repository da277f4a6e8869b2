import {
  abiWords,
  checkpointCount,
  type Digest,
  type Hex,
  segmentSteps,
  type TaskFields,
  toHex,
} from '@lockstep/proof'
import { keccak_256 } from '@noble/hashes/sha3.js'
import type { Address } from './post.ts'

/** The contract's randomness of an audit, and the claim that it is about: the audit's id. */
export type Drawn = { readonly random: Hex; readonly claim: Hex; readonly auditRate: number }

type Segments = Pick<TaskFields, 'steps' | 'segmentLength'>

/** Whether a seat has to execute a segment: the last one always, every other one by lot. */
export const isAudited = (
  { random, claim, auditRate }: Drawn,
  task: Segments,
  seat: number,
  segment: number,
): boolean => {
  if (segment === checkpointCount(task) - 1) return true
  const lot = keccak_256(abiWords(random, claim, seat, segment))
  return BigInt(toHex(lot)) % 10_000n < BigInt(auditRate)
}

/** The segments that a seat executes, in ascending order. */
export const segmentsOf = (drawn: Drawn, task: Segments, seat: number): number[] =>
  Array.from({ length: checkpointCount(task) }, (_, segment) => segment).filter((segment) =>
    isAudited(drawn, task, seat, segment),
  )

/** How many steps these segments have: what the seat's pay is in proportion to. */
export const stepsOf = (task: Segments, segments: readonly number[]): number =>
  segments.reduce((sum, segment) => sum + segmentSteps(task, segment), 0)

/** A seat's answer: over the tallies of its segments, in ascending order. */
export const answerOf = (tallies: readonly Digest[]): Digest => {
  const bytes = new Uint8Array(32 * tallies.length)
  tallies.forEach((tally, i) => bytes.set(tally, 32 * i))
  return keccak_256(bytes)
}

/** Where a commitment belongs: it can be used nowhere else. */
export type AuditPlace = { readonly chainId: number; readonly audits: Address; readonly claim: Hex }

/** What a seat commits to before anybody shows anything. */
export const answerCommitment = (
  { chainId, audits, claim }: AuditPlace,
  seat: number,
  account: Address,
  answer: Digest,
  salt: Hex,
): Digest => keccak_256(abiWords(chainId, audits, claim, seat, account, toHex(answer), salt))

/** What a provider seals with its claim: keccak256(abi.encode(chainid, audits, claim, salt, tallies)). */
export const sealOf = (
  { chainId, audits, claim }: AuditPlace,
  salt: Hex,
  tallies: readonly Digest[],
): Digest => keccak_256(abiWords(chainId, audits, claim, salt, 5 * 32, tallies.length, ...tallies.map(toHex)))

/** The id of a claim in Disputes: who has claimed which history of which task. */
export const claimIdOf = (task: Hex, root: Hex, claimant: Address): Hex =>
  toHex(keccak_256(abiWords(task, root, claimant)))
