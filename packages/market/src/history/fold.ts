import type { Hex } from '@lockstep/proof'
import type { Address } from '../post.ts'
import { NO_REPUTATION } from '../reputation.ts'
import type { Arguments, ChainEvent } from './chain-event.ts'
import type { AccountView, ClaimView, History } from './views.ts'

/** By an event's name, what it does; false where it is about something that is not known. */
export type Fold = {
  readonly [event: string]: (history: History, args: Arguments, event: ChainEvent) => boolean
}

/** An account, known from now on. */
export const accountOf = (history: History, account: Address): AccountView => {
  const known = history.accounts.get(account)
  if (known) return known
  const fresh: AccountView = {
    account,
    credit: 0n,
    stake: 0n,
    locked: 0n,
    unbonding: 0n,
    obligations: new Map(),
    reputation: NO_REPUTATION,
    outcomes: [],
    entries: [],
  }
  history.accounts.set(account, fresh)
  return fresh
}

export const claimOf = (history: History, claim: Hex): ClaimView | undefined => history.claims.get(claim)
