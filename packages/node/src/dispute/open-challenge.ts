import type { DisputeChain } from '@lockstep/contracts'
import { claimRoot, digestFromHex, type Hex, nameSegment, toHex, treeOf } from '@lockstep/proof'
import { fail, ok, type Result } from '@lockstep/tensor'

export type ChallengeOptions = {
  readonly chain: DisputeChain
  readonly claim: Hex
  /** The block from which on disputes about the claim may have been opened. */
  readonly since?: bigint
  /** The items at the claim's checkpoints, where they were published: a segment of them can be named. */
  readonly claimed?: readonly Hex[]
  /** Where one's own execution first reached another item: in a segment that an audit found, or in a history of one's own. */
  readonly own:
    | { readonly segment: number; readonly found: Hex }
    | { readonly items: readonly Hex[] }
    | undefined
}

/**
 * Opens a dispute about a claim, under a bond: about the first segment that differs where the claim's items are known,
 * about its whole history where they are withheld. One that this account has opened before and that is still open is
 * taken up again: no second bond is put up.
 */
export const openChallenge = async (options: ChallengeOptions): Promise<Result<number>> => {
  const { chain, claim, own } = options
  const { root, status } = await chain.readClaim(claim)
  if (status !== 'standing')
    return fail({
      code: 'claim-ended',
      field: 'claim',
      value: status,
      limit: 'standing',
      remedy: 'Only a standing claim can be challenged.',
    })
  const before = await openedBefore(options)
  if (before !== undefined) return ok(before)
  const claimed = options.claimed?.map(digestFromHex)
  const isClaimed = claimed && toHex(claimRoot({ checkpoints: claimed })) === root
  if (!isClaimed || !own) return chain.challenge(claim)
  const items =
    'items' in own
      ? own.items.map(digestFromHex)
      : claimed.map((item, i) => (i === own.segment ? digestFromHex(own.found) : item))
  const named = nameSegment(treeOf(claimed), treeOf(items))
  if (named) return chain.challengeSegment(claim, named)
  return fail({
    code: 'claim-equal',
    field: 'claim',
    value: claim,
    limit: 'a claim that differs from the own history',
    remedy: 'There is nothing to dispute.',
  })
}

const openedBefore = async ({ chain, claim, since = 0n }: ChallengeOptions): Promise<number | undefined> => {
  const account = chain.connection.account.address.toLowerCase()
  const { disputes } = await chain.disputesSince(since)
  for (const { dispute, claim: about, challenger } of disputes) {
    if (about !== claim || challenger.toLowerCase() !== account) continue
    if ((await chain.readDispute(dispute)).isOpen) return dispute
  }
  return undefined
}
