import type { SignedBid } from '@lockstep/client'
import type { Hex } from '@lockstep/proof'

/** One slice, at one of its attempts: what a provider's work belongs to. */
export type Place = { readonly job: number; readonly slice: number; readonly attempt: number }

/**
 * Something that a node should do now. Duties are computed anew whenever the market or the node's own work has changed;
 * carrying one out twice does no harm, and one that fails is due again.
 */
export type Duty =
  // The provider's, in the order of the flow.
  | { readonly do: 'bid'; readonly job: number }
  | { readonly do: 'assign'; readonly job: number; readonly slice: number; readonly bid: SignedBid }
  | ({ readonly do: 'fetch' } & Place)
  | ({ readonly do: 'receipt' } & Place)
  | ({ readonly do: 'decline' } & Place)
  | ({ readonly do: 'run' } & Place)
  | ({ readonly do: 'claim' } & Place)
  | { readonly do: 'open'; readonly claim: Hex }
  | { readonly do: 'defend'; readonly dispute: number; readonly claim: Hex }
  // The verifier's.
  | { readonly do: 'drawCommit'; readonly round: number }
  | { readonly do: 'drawReveal'; readonly round: number }
  | { readonly do: 'audit'; readonly claim: Hex; readonly seat: number }
  | { readonly do: 'commit'; readonly claim: Hex; readonly seat: number }
  | { readonly do: 'miss'; readonly claim: Hex; readonly seat: number }
  | { readonly do: 'reveal'; readonly claim: Hex; readonly seat: number }
  | { readonly do: 'challenge'; readonly claim: Hex }
  | { readonly do: 'attack'; readonly dispute: number; readonly claim: Hex }
  | { readonly do: 'closeDispute'; readonly dispute: number }
  | { readonly do: 'bounty'; readonly dispute: number; readonly claim: Hex }
  // About a seat that matched a claim which fell: whoever accuses it, itself, and whoever knows its defence to be false.
  | { readonly do: 'accuse'; readonly claim: Hex; readonly seat: number; readonly dispute: number }
  | { readonly do: 'defendSeat'; readonly claim: Hex; readonly seat: number; readonly segment: number }
  | { readonly do: 'uphold'; readonly dispute: number; readonly claim: Hex; readonly seat: number }
  | { readonly do: 'challengeDefence'; readonly claim: Hex; readonly seat: number }
  | { readonly do: 'attackDefence'; readonly dispute: number; readonly claim: Hex; readonly seat: number }
  | { readonly do: 'takeBond'; readonly claim: Hex; readonly seat: number }
  // Anyone's: what time has brought.
  | { readonly do: 'advance'; readonly job: number; readonly slice: number }
  | { readonly do: 'close'; readonly job: number }
  | { readonly do: 'draw'; readonly claim: Hex }
  | { readonly do: 'finish'; readonly claim: Hex }
  | { readonly do: 'finishSeat'; readonly claim: Hex; readonly seat: number }
  | { readonly do: 'timeout'; readonly dispute: number }
  | { readonly do: 'applyWeights'; readonly due: number }

/** Equal for equal duties: one is never carried out twice at the same time. */
export const dutyKey = (duty: Duty): string => {
  const { do: what, ...where } = duty
  const parts = 'bid' in where ? { job: where.job, slice: where.slice } : where
  return [what, ...Object.values(parts)].join(':')
}
