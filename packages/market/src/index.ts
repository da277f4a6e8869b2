export * from './amount.ts'
export * from './audit.ts'
export * from './bid.ts'
export * from './earnings.ts'
export * from './escrow.ts'
export * from './explain.ts'
export {
  type ChainEvent,
  MARKET_CONTRACTS,
  type MarketContract,
  type Source,
} from './history/chain-event.ts'
export { follow, historyOf, MAX_EVENTS } from './history/history.ts'
export type * from './history/views.ts'
export * from './job.ts'
export * from './post.ts'
export * from './post-rules.ts'
export * from './reputation.ts'
export * from './rule.ts'
export * from './slice-roots.ts'
export * from './tally.ts'
