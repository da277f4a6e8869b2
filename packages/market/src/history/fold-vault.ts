import { NO_ADDRESS } from '../post.ts'
import { OUTCOMES, recorded } from '../reputation.ts'
import { sourceOf } from './chain-event.ts'
import { accountOf, type Fold } from './fold.ts'
import type { AccountView, History } from './views.ts'

/** What the vault's events do: who has how many tokens, free, staked, locked and unbonding. */
export const foldVault: Fold = {
  Deposited: (history, args) => {
    accountOf(history, args.hex('account')).credit += args.amount('amount')
    return true
  },
  Withdrawn: (history, args) => {
    accountOf(history, args.hex('account')).credit -= args.amount('amount')
    return true
  },
  Staked: (history, args) => {
    const account = accountOf(history, args.hex('account'))
    account.credit -= args.amount('amount')
    account.stake += args.amount('amount')
    return true
  },
  Unstaked: (history, args) => {
    const account = accountOf(history, args.hex('account'))
    account.stake -= args.amount('amount')
    account.unbonding += args.amount('amount')
    return true
  },
  Released: (history, args) => {
    const account = accountOf(history, args.hex('account'))
    account.unbonding -= args.amount('amount')
    account.credit += args.amount('amount')
    return true
  },
  Locked: (history, args) => {
    const account = accountOf(history, args.hex('account'))
    lock(account, `${args.hex('office')} ${args.hex('obligation')}`, args.amount('amount'))
    return true
  },
  Unlocked: (history, args) => {
    const account = accountOf(history, args.hex('account'))
    lock(account, `${args.hex('office')} ${args.hex('obligation')}`, -args.amount('amount'))
    return true
  },
  Slashed: (history, args) => {
    const amount = args.amount('amount')
    const account = accountOf(history, args.hex('account'))
    const office = args.hex('office')
    lock(account, `${office} ${args.hex('obligation')}`, -amount)
    account.stake -= amount
    const to = args.hex('to')
    if (to === NO_ADDRESS) fill(history, `${office} ${args.amount('escrow')}`, amount)
    else accountOf(history, to).credit += amount
    return true
  },
  Funded: (history, args) => {
    const amount = args.amount('amount')
    accountOf(history, args.hex('account')).credit -= amount
    fill(history, `${args.hex('office')} ${args.amount('escrow')}`, amount)
    return true
  },
  Paid: (history, args) => {
    const amount = args.amount('amount')
    fill(history, `${args.hex('office')} ${args.amount('escrow')}`, -amount)
    accountOf(history, args.hex('to')).credit += amount
    return true
  },
}

/** What the events of Verifiers do; their stake is with the vault. */
export const foldVerifiers: Fold = {
  VerifierSlashed: (history, args, event) => {
    const entry = { kind: 'auditor-slashed', amount: args.amount('amount'), source: sourceOf(event) } as const
    accountOf(history, args.hex('account')).entries.push(entry)
    return true
  },
}

export const foldReputation: Fold = {
  Recorded: (history, args, event) => {
    const account = accountOf(history, args.hex('account'))
    const outcome = args.choice('outcome', OUTCOMES)
    const fee = args.amount('fee')
    account.reputation = recorded(account.reputation, outcome, fee, event.time)
    account.outcomes.push({ outcome, fee, score: args.amount('score'), source: sourceOf(event) })
    return true
  },
}

const lock = (account: AccountView, obligation: string, amount: bigint): void => {
  account.locked += amount
  const left = (account.obligations.get(obligation) ?? 0n) + amount
  if (left === 0n) account.obligations.delete(obligation)
  else account.obligations.set(obligation, left)
}

const fill = (history: History, escrow: string, amount: bigint): void => {
  const left = (history.escrows.get(escrow) ?? 0n) + amount
  if (left === 0n) history.escrows.delete(escrow)
  else history.escrows.set(escrow, left)
}
