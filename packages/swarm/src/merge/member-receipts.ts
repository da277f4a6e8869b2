import { type Digest, type Hex, toHex } from '@lockstep/proof'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { encodeReceipt, type UpdateReceipt } from '../learn/receipt.ts'
import type { Lineage } from './lineage.ts'

/** What a lineage names a receipt by: keccak256 of its encoding. */
export const receiptDigest = (receipt: UpdateReceipt): Hex =>
  toHex(keccak_256(encodeReceipt(receipt)) as Digest)

/** A field of a lineage that is not what comes out. */
export type LineageDifference = { readonly field: string; readonly says: string; readonly found: string }

/**
 * Whether the receipts of members, as far as they are handed in, are those that a lineage names, and lead to the members'
 * models: each belongs to the member and its swarm, rounds ascend, each begins with the state that the one before it ended
 * with, and the last ends with the member's parameters. What is in them is for checkReceipt.
 */
export const memberReceipts = (
  { members, swarm }: Pick<Lineage, 'members' | 'swarm'>,
  receipts: readonly (readonly UpdateReceipt[] | undefined)[],
): LineageDifference[] =>
  members.flatMap(({ name, modelRoot, round, receipts: named }, m) => {
    const given = receipts[m]
    if (given === undefined) return []
    const differences: LineageDifference[] = []
    const compare = (field: string, says: string | number, found: string | number): void => {
      if (says !== found)
        differences.push({ field: `members[${m}].${field}`, says: String(says), found: String(found) })
    }
    compare('receipts', named.length, given.length)
    for (const [i, one] of given.entries()) {
      const at = `receipts[${i}]`
      compare(at, named[i] ?? 'nothing', receiptDigest(one))
      compare(`${at}.participant`, name, one.participant)
      if (swarm !== null) compare(`${at}.swarm`, swarm.number, one.swarm)
      const before = given[i - 1]
      if (before === undefined) continue
      compare(`${at}.before.state`, before.after.state, one.before.state)
      if (one.round <= before.round) compare(`${at}.round`, `more than ${before.round}`, one.round)
    }
    const last = given.at(-1)
    if (last === undefined) return differences
    compare('modelRoot', modelRoot, last.after.parameters)
    if (last.round > round) compare('round', round, last.round)
    return differences
  })
