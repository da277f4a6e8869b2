import type { MarketEvent } from '@lockstep/contracts'
import { ATTEMPT_FAULT, AUDIT_STATUS, formatAmount, SEAT_STATUS } from '@lockstep/market'

/** What an account is called on the screen. */
export type NameOf = (address: string) => string

/** Where claims and disputes belong, learned from the events that came before. */
export type Places = { readonly claims: Map<string, number>; readonly disputes: Map<string, number> }
export const newPlaces = (): Places => ({ claims: new Map(), disputes: new Map() })

const OUTCOME = ['none', 'open', 'claimant', 'challenger', 'void', 'closed'] as const
const CLAIM_STATUS = ['none', 'standing', 'final', 'fallen', 'void'] as const
const lock = (units: unknown): string => `${formatAmount(BigInt(units as bigint))} LOCK`

/** One line for a person about an event of a job. Undefined for what only accounts need to know. */
export const describeEvent = (
  { name, args }: Pick<MarketEvent, 'name' | 'args'>,
  places: Places,
  nameOf: NameOf,
): string | undefined => {
  const a = args as { readonly [name: string]: unknown }
  const claim = String(a.claim)
  const dispute = String(a.dispute)
  if (name === 'SliceClaimed') places.claims.set(claim, Number(a.slice))
  if (name === 'AuditBegun') places.claims.set(claim, Number(a.slice))
  if (name === 'HistoryChallenged' || name === 'SegmentChallenged')
    places.disputes.set(dispute, places.claims.get(claim) ?? -1)
  const who = (field = 'account'): string => nameOf(String(a[field]))
  const slice = (number: unknown): string => `slice ${number}`
  const here = slice(a.slice)
  const claimed = slice(places.claims.get(claim) ?? '?')
  const disputed = `dispute ${dispute}`
  switch (name) {
    case 'JobPosted':
      return `job ${a.job} is posted by ${who('requester')}: ${lock(a.escrow)} in escrow`
    case 'SliceOpened':
      return `${here} is open for bids${Number(a.attempt) > 1 ? `, attempt ${a.attempt}` : ''}`
    case 'SliceAssigned':
      return `${here}: ${who()} leads at ${lock(a.pricePerUnit)} a unit, and locks ${lock(a.locked)}`
    case 'SliceReceived':
      return `${here}: the provider has the inputs, and runs`
    case 'SliceClaimed':
      return `${here} is claimed: root ${short(String(a.root))}`
    case 'AttemptFailed':
      return `${here}: ${who()} fails (${ATTEMPT_FAULT[Number(a.fault)]}) and loses ${lock(a.slashed)}, of which ${lock(a.bounty)} bounty, ${lock(a.audits)} for auditors, ${lock(a.subsidy)} for whoever takes over`
    case 'SliceSettled':
      return `${here} is settled: ${who()} is paid ${lock(a.paid)}, auditors ${lock(a.audits)}, fee ${lock(a.fee)}`
    case 'SliceVoided':
      return `${here} is void, its program is invalid: ${who()} is paid ${lock(a.paid)}`
    case 'AuditorPaid':
      return `${here}: ${who()} is paid ${lock(a.amount)} for its audit`
    case 'SliceCancelled':
      return `${here} is cancelled`
    case 'JobCancelled':
      return `job ${a.job} is cancelled by ${who('by')}`
    case 'JobClosed':
      return `job ${a.job} is closed: ${lock(a.refund)} back to its requester`
    case 'BountyPaid':
      return `${claimed}: ${who('challenger')} has the bounty of ${lock(a.amount)}`
    case 'AuditBegun':
      return `${here}: an audit begins`
    case 'SeatDrawn':
      return `${claimed}: ${who()} is drawn to audit`
    case 'SeatCommitted':
      return `${claimed}: ${who()} has run its segments, and commits to an answer`
    case 'SeatMissing':
      return `${claimed}: ${who()} could not get the checkpoints`
    case 'TalliesOpened':
      return `${claimed}: the provider opens its tallies`
    case 'SeatRevealed':
      return `${claimed}: ${who()}'s answer ${a.matched === true ? 'matches' : 'DIFFERS'}`
    case 'AuditOver':
      return `${claimed}: the audit is over, ${AUDIT_STATUS[Number(a.status)]}`
    case 'SeatEnded':
      return `${claimed}: ${who()}'s seat ends ${SEAT_STATUS[Number(a.status)]}${BigInt((a.amount as bigint) ?? 0) > 0n ? `, ${lock(a.amount)}` : ''}`
    case 'SeatSuspected':
    case 'SeatAccused':
    case 'SeatDefended':
      return `${claimed}: the seat of ${who()} is ${name.slice(4).toLowerCase()}`
    case 'HistoryChallenged':
      return `${claimed}: ${who('challenger')} disputes the claim (${disputed})`
    case 'SegmentChallenged':
      return `${claimed}: ${who('challenger')} disputes segment ${a.segment} of the claim (${disputed})`
    case 'Decided':
      return `${disputed} is decided: the ${OUTCOME[Number(a.outcome)]} wins${a.late === true ? ', the other was late' : ', by what the referee computed'}`
    case 'ClaimEnded':
      return `${claimed}: the claim is ${CLAIM_STATUS[Number(a.status)]}`
    default: {
      const move = MOVES[name]
      return move === undefined ? undefined : `${disputed}: ${move}`
    }
  }
}

const MOVES: { readonly [event: string]: string } = {
  ChildrenPosted: 'the claimant posts the children of a range',
  LeafPosted: 'the claimant posts a leaf',
  WordsPosted: 'the claimant posts words of a fold',
  ChildNamed: 'the challenger names a child that is wrong',
  ItemNamed: 'the challenger names an item that is wrong',
  NodeNamed: 'the challenger names a node that is wrong',
  ElementNamed: 'the challenger names an element that is wrong',
  WordNamed: 'the challenger names a word that is wrong',
}

/** Long hexadecimal numbers to a person. */
export const short = (hex: string): string => (hex.length > 14 ? `${hex.slice(0, 6)}..${hex.slice(-4)}` : hex)

/** An event as JSON: amounts as decimal texts; what a job was posted with is its manifest's, and left out. */
export const eventJson = ({ block, transactionHash, contract, name, args }: MarketEvent): object => {
  const { post: _, charges: __, terms: ___, ...rest } = args as { [name: string]: unknown }
  return { block, transaction: transactionHash, contract, event: name, args: plain(rest) }
}

const plain = (value: unknown): unknown => {
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]))
  return value
}
