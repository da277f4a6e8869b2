import { type Digest, type Hex, toHex } from '@lockstep/proof'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { encodeReceipt, type UpdateReceipt } from '../learn/receipt.ts'
import { LINEAGE_LIMITS, type Lineage, type LineageMember } from './lineage.ts'

/** What a lineage names a receipt by: keccak256 of its encoding. */
export const receiptDigest = (receipt: UpdateReceipt): Hex =>
  toHex(keccak_256(encodeReceipt(receipt)) as Digest)

/**
 * The receipts that lead to a member's model, in order of rounds: the newest that ends with its parameters, the one that
 * ended where that begins, and so on, as far as there are some. All others are left out.
 */
export const receiptsTo = (
  { name, round, modelRoot }: Pick<LineageMember, 'name' | 'round' | 'modelRoot'>,
  swarm: number,
  receipts: readonly UpdateReceipt[],
): UpdateReceipt[] => {
  const found: UpdateReceipt[] = []
  const newestFirst = receipts
    .filter((one) => one.participant === name && one.swarm === swarm && one.round <= round)
    .toSorted((a, b) => b.round - a.round)
  for (const one of newestFirst) {
    const next = found[0]
    const leads =
      next === undefined
        ? one.after.parameters === modelRoot
        : one.after.state === next.before.state && one.round < next.round
    if (leads && found.length < LINEAGE_LIMITS.receipts) found.unshift(one)
  }
  return found
}

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
