import { FaultError } from '@lockstep/tensor'
import { Arguments, type ChainEvent, type MarketContract, type Source, sourceOf } from './chain-event.ts'
import type { Fold } from './fold.ts'
import { foldAudits } from './fold-audits.ts'
import { foldDisputes } from './fold-disputes.ts'
import { foldMarket } from './fold-market.ts'
import { foldReputation, foldVault, foldVerifiers } from './fold-vault.ts'
import type { History } from './views.ts'

/** How many events a history is made of at most: what it holds grows with them. */
export const MAX_EVENTS = 4_000_000

const FOLDS: { readonly [contract in MarketContract]: Fold } = {
  market: foldMarket,
  audits: foldAudits,
  vault: foldVault,
  verifiers: foldVerifiers,
  reputation: foldReputation,
  disputes: foldDisputes,
}

/**
 * What the events of the market's contracts say, in whatever order and however often they are handed in. After a
 * rollback of the chain a history is made anew.
 */
export const historyOf = (events: Iterable<ChainEvent>): History =>
  follow(
    {
      jobs: new Map(),
      claims: new Map(),
      audits: new Map(),
      disputes: new Map(),
      accounts: new Map(),
      escrows: new Map(),
      last: undefined,
      events: 0,
      unknown: 0,
    },
    events,
  )

/** Reads on: events up to the last one that was read are passed over. Changes the history and gives it back. */
export const follow = (history: History, events: Iterable<ChainEvent>): History => {
  for (const event of [...events].sort(inOrder)) {
    if (history.last && inOrder(event, history.last) <= 0) continue
    if (++history.events > MAX_EVENTS)
      throw new FaultError({
        code: 'history-too-long',
        field: 'events',
        value: history.events,
        limit: MAX_EVENTS,
        remedy: 'Read the events of fewer jobs or blocks.',
      })
    history.last = sourceOf(event)
    const fold = FOLDS[event.contract.toLowerCase() as MarketContract]
    const change = fold && Object.hasOwn(fold, event.name) ? fold[event.name] : undefined
    if (change && !change(history, new Arguments(event.name, event.args), event)) history.unknown++
  }
  return history
}

const inOrder = (a: Pick<Source, 'block' | 'logIndex'>, b: Pick<Source, 'block' | 'logIndex'>): number =>
  a.block - b.block || a.logIndex - b.logIndex
