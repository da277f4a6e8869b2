import { type Arguments, type ChainEvent, sourceOf } from './chain-event.ts'
import { claimOf, type Fold } from './fold.ts'
import type { ClaimStatus, DisputeOutcome, History } from './views.ts'

const OUTCOME = [
  'none',
  'open',
  'claimant',
  'challenger',
  'void',
  'closed',
] as const satisfies DisputeOutcome[]
const STATUS = ['none', 'standing', 'final', 'fallen', 'void'] as const satisfies ClaimStatus[]

const challenged = (history: History, args: Arguments, event: ChainEvent, segment?: number): boolean => {
  const claim = claimOf(history, args.hex('claim'))
  if (!claim) return false
  const number = args.number('dispute')
  history.disputes.set(number, {
    number,
    claim: claim.claim,
    challenger: args.hex('challenger'),
    opened: sourceOf(event),
    ...(segment === undefined ? {} : { segment }),
    moves: 0,
  })
  claim.disputes.push(number)
  return true
}

const moved: Fold[string] = (history, args) => {
  const dispute = history.disputes.get(args.number('dispute'))
  if (dispute) dispute.moves++
  return dispute !== undefined
}

/** What the events of Disputes do. Where a dispute stands within itself is for packages/proof to replay. */
export const foldDisputes: Fold = {
  Claimed: (history, args, event) => {
    const claim = args.hex('claim')
    history.claims.set(claim, {
      claim,
      claimant: args.hex('claimant'),
      made: sourceOf(event),
      until: args.number('until'),
      status: 'standing',
      disputes: [],
      bounties: [],
    })
    return true
  },
  ClaimEnded: (history, args) => {
    const claim = claimOf(history, args.hex('claim'))
    if (claim) claim.status = args.choice('status', STATUS)
    return claim !== undefined
  },
  HistoryChallenged: (history, args, event) => challenged(history, args, event),
  SegmentChallenged: (history, args, event) => challenged(history, args, event, args.number('segment')),
  ChildrenPosted: moved,
  LeafPosted: moved,
  WordsPosted: moved,
  ChildNamed: moved,
  ItemNamed: moved,
  NodeNamed: moved,
  ElementNamed: moved,
  WordNamed: moved,
  Decided: (history, args, event) => {
    const dispute = history.disputes.get(args.number('dispute'))
    if (dispute)
      dispute.decided = {
        outcome: args.choice('outcome', OUTCOME),
        late: args.flag('late'),
        source: sourceOf(event),
      }
    return dispute !== undefined
  },
}
