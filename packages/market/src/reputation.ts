/** Why an account's score changed: Reputation.sol's order. */
export const OUTCOMES = ['completed', 'late', 'failed', 'declined', 'slashed'] as const
export type ReputationOutcome = (typeof OUTCOMES)[number]

/** What is known of an account: a score as of a day, and how often what happened. */
export type Reputation = {
  /** In units of the token, as of `day`. */
  readonly score: bigint
  /** floor(chain's seconds / 86400). */
  readonly day: number
} & { readonly [outcome in ReputationOutcome]: number }

export const NO_REPUTATION: Reputation = {
  score: 0n,
  day: 0,
  completed: 0,
  late: 0,
  failed: 0,
  declined: 0,
  slashed: 0,
}

/** The most that is taken off a price, of 10,000. */
export const MOST_DISCOUNT = 1_000n

/** What the contract's 96 bits hold. */
const MOST_SCORE = 2n ** 96n - 1n

const ONE = 2n ** 64n
/** floor(2^64 * 2^(-1/30)): a score halves in 30 days. */
const DAILY = 18_025_419_856_780_639_094n
/** 128 halvings: nothing is left of any score. */
const FORGOTTEN = 3_840

export const dayOf = (time: number): number => Math.floor(time / 86_400)

/** What is left of a score after some days. Every division rounds down, as in the contract. */
export const decayed = (score: bigint, days: number): bigint =>
  days <= 0 ? score : days >= FORGOTTEN ? 0n : (score * power(DAILY, days)) / ONE

const power = (factor: bigint, days: number): bigint => {
  let result = ONE
  for (let f = factor, n = days; n > 0; n = Math.floor(n / 2)) {
    if (n % 2 === 1) result = (result * f) / ONE
    f = (f * f) / ONE
  }
  return result
}

export const scoreAt = ({ score, day }: Pick<Reputation, 'score' | 'day'>, time: number): bigint =>
  decayed(score, dayOf(time) - day)

/** What is taken off an account's price when bids are compared, of 10,000. `scale`: the score that earns half of it. */
export const discountOf = (score: bigint, scale: bigint): bigint => (MOST_DISCOUNT * score) / (score + scale)

/** The record after an outcome. `fee`: what a completed slice paid to the protocol. */
export const recorded = (
  before: Reputation,
  outcome: ReputationOutcome,
  fee: bigint,
  time: number,
): Reputation => {
  const left = scoreAt(before, time)
  const zeroed = outcome !== 'completed' && outcome !== 'declined'
  const counted = { ...before, [outcome]: before[outcome] + 1 }
  const slashed = zeroed && outcome !== 'slashed' ? before.slashed + 1 : counted.slashed
  const score = zeroed ? 0n : outcome === 'completed' ? left + fee : left
  return { ...counted, slashed, score: score < MOST_SCORE ? score : MOST_SCORE, day: dayOf(time) }
}
