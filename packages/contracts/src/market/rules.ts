import type { Charges } from '@lockstep/market'
import { type Address, parseEther } from 'viem'

/** What a market's contracts are deployed with. Times are in seconds, amounts in the token's units. */
export type MarketRules = {
  /** The whole supply of the token: the deployer has it, but for what the faucet gets. */
  readonly supply: bigint
  /** Where fees and the rest of slashes go; left out, to the deployer's account. */
  readonly treasury?: Address
  /** Who may set the charges of jobs to come; left out, nobody. */
  readonly governor?: Address
  /** The least that a job can set for each of its times. */
  readonly minimumTime: number
  /** The most seconds from one block to the next. */
  readonly blockTime: number
  readonly disputes: {
    /** The winner's share of the loser's bond, of 10,000. */
    readonly rewardShare: number
    /** The highest price in wei at which gas is given back. */
    readonly gasPriceCap: bigint
  }
  readonly unbondingTime: number
  readonly verifiers: {
    readonly minimumWeight: bigint
    /** From an enrolment until its weight counts; longer than a draw takes. */
    readonly delay: number
  }
  readonly draw: {
    readonly period: number
    /** What a verifier loses that commits to a secret and does not reveal it. */
    readonly forfeiture: bigint
  }
  /** The score that earns half of the greatest discount. */
  readonly reputationScale: bigint
  readonly charges: Charges
  readonly faucet?: {
    /** What a drip is. */
    readonly tokens: bigint
    readonly coins: bigint
    /** From one drip to an address to its next; and how many there are in that time at most. */
    readonly interval: number
    readonly most: number
    /** What it holds in the beginning, out of the deployer's pocket. */
    readonly filledWith: { readonly tokens: bigint; readonly coins: bigint }
  }
}

const CHARGES: Charges = {
  feeShare: 200,
  minimumImprovement: 200,
  noShowShare: 1_000,
  lateShare: 3_000,
  bountyShare: 5_000,
  minimumStake: parseEther('10'),
  auditorSlash: parseEther('50'),
}

/** For a chain on one's own machine: everything is over in seconds, and a faucet makes everybody rich. */
export const LOCAL_RULES: MarketRules = {
  supply: parseEther('1000000000'),
  minimumTime: 1,
  blockTime: 12,
  disputes: { rewardShare: 2_000, gasPriceCap: 10n ** 10n },
  unbondingTime: 60,
  verifiers: { minimumWeight: parseEther('100'), delay: 12 },
  draw: { period: 4, forfeiture: parseEther('5') },
  reputationScale: parseEther('100'),
  charges: CHARGES,
  faucet: {
    tokens: parseEther('10000'),
    coins: parseEther('10'),
    interval: 10,
    most: 1_000,
    filledWith: { tokens: parseEther('500000000'), coins: parseEther('5000') },
  },
}

/**
 * For a chain that others share: people sleep, blocks are late, gas is dear. No faucet, and no governor: the charges are
 * what they are until a governance contract is named.
 */
export const PUBLIC_RULES: MarketRules = {
  supply: parseEther('1000000000'),
  minimumTime: 60,
  blockTime: 60,
  disputes: { rewardShare: 2_000, gasPriceCap: 5n * 10n ** 10n },
  unbondingTime: 14 * 86_400,
  verifiers: { minimumWeight: parseEther('1000'), delay: 3_600 },
  draw: { period: 600, forfeiture: parseEther('100') },
  reputationScale: parseEther('1000'),
  charges: { ...CHARGES, minimumStake: parseEther('100'), auditorSlash: parseEther('500') },
}

export const RULE_SETS = { local: LOCAL_RULES, public: PUBLIC_RULES } as const
export type RuleSet = keyof typeof RULE_SETS
