import { mayReplace, scoreOf, WHOLE } from '@lockstep/market'
import type { Policy } from '../config/schema.ts'

/** The bid that a job's next slice would go to now. */
export type Leader = { readonly score: bigint; readonly own: boolean }

export type Auction = {
  /** The most that is paid for a unit of work. */
  readonly ceiling: bigint
  /** By how much a better bid has to be better, of 10,000. */
  readonly minimumImprovement: bigint
  readonly leader?: Leader | undefined
  /** What is taken off our account's price when bids are compared, of 10,000. */
  readonly discount: bigint
}

export type Ask =
  | { readonly price: bigint }
  | { readonly reason: 'leading' | 'ceiling-below-floor' | 'leader-below-floor'; readonly floor: bigint }

const MILLION = 1_000_000n

/** A decimal of the config as an exact fraction, in millionths. */
const millionths = (part: number): bigint => BigInt(Math.round(part * 1e6))

/**
 * The least for which this machine works: the dearer of the price of a unit and that of an hour, and the margin on it.
 * `unitsPerSecond` is what all of its runs do together.
 */
export const floorPrice = ({ floor, hourly, margin }: Policy['price'], unitsPerSecond: number): bigint => {
  const perHour = BigInt(Math.max(1, Math.floor(unitsPerSecond * 3600)))
  const ofHour = (hourly + perHour - 1n) / perHour
  const dearer = floor > ofHour ? floor : ofHour
  return (dearer * (MILLION + millionths(margin)) + MILLION - 1n) / MILLION
}

/**
 * What to ask for a unit of work. `fixed` always asks the floor. `undercut` asks a part of the ceiling where nobody
 * else has bid (`open`), and just enough less than the best bid where somebody has (`step`, or the market's minimum
 * where that is more), never below the floor. It looks at the bids there are and guesses none: two nodes that undercut
 * each other end at the higher of their floors, less one step.
 */
export const askPrice = (price: Policy['price'], unitsPerSecond: number, auction: Auction): Ask => {
  const { ceiling, minimumImprovement, leader, discount } = auction
  const floor = floorPrice(price, unitsPerSecond)
  if (leader?.own) return { reason: 'leading', floor }
  if (floor > ceiling) return { reason: 'ceiling-below-floor', floor }
  if (leader !== undefined && !mayReplace(scoreOf(floor, discount), leader.score, minimumImprovement))
    return { reason: 'leader-below-floor', floor }
  if (price.strategy === 'fixed') return { price: floor }
  const opening = (ceiling * millionths(price.open)) / MILLION
  const wanted = leader === undefined ? opening : least(opening, below(leader.score, price, auction))
  return { price: wanted > floor ? wanted : floor }
}

/** The highest price whose score is a step below the leader's. */
const below = (
  score: bigint,
  { step }: Policy['price'],
  { minimumImprovement, discount }: Auction,
): bigint => {
  const ours = millionths(step) * WHOLE
  const markets = minimumImprovement * MILLION
  const whole = MILLION * WHOLE
  const target = (score * (whole - (ours > markets ? ours : markets))) / whole
  return (target * WHOLE) / (WHOLE - discount)
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)
