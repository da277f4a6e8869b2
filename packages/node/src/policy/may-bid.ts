import type { Policy } from '../config/schema.ts'
import type { Capability } from './capability.ts'
import { type WallTime, withinHours } from './hours.ts'
import { type Auction, askPrice } from './price.ts'

/** A slice that somebody may bid for. */
export type OfferedSlice = {
  readonly slice: number
  /** In units of 10^6 scalar instructions. */
  readonly work: bigint
  /** Seconds that a run may take at most. */
  readonly time: number
  /** Bytes at most, known before it runs: state, its copy, inputs and nodes; and its checkpoints. */
  readonly memory: number
  readonly disk: number
  /** What an assignment locks. */
  readonly stake: bigint
}

/** A job as a bidder sees it. */
export type Offer = Auction & {
  readonly job: number
  readonly slices: readonly OfferedSlice[]
  /** Seconds for which a slice that was taken can wait for its turn: its run's clock begins with our receipt. */
  readonly receipt: number
  /** In the chain's seconds: after it no attempt begins. */
  readonly deadline: number
}

/** What this node has taken on: slices to be run, and bids that may still be taken; and what those that run need. */
export type Load = {
  readonly runs: number
  readonly memory: number
  readonly disk: number
  readonly stake: bigint
}

/** What is so at the moment. */
export type Conditions = {
  /** The chain's seconds. */
  readonly now: number
  readonly wall: WallTime
  /** Undefined where the machine does not say. */
  readonly onBattery: boolean | undefined
  /** Seconds since the owner's last input; undefined where nothing can be seen. */
  readonly inputIdle: number | undefined
  /** Cores that others keep busy; undefined where nothing can be seen. */
  readonly othersLoad: number | undefined
  /** Bytes. */
  readonly freeMemory: number
  readonly freeDisk: number
  /** What was measured here with the threads of one run, of which policy.caps.runs go beside each other. */
  readonly capability: Capability | undefined
  /** Stake that no obligation locks. */
  readonly freeStake: bigint
}

export type SkipReason =
  | PauseReason
  | 'hours'
  | 'runs'
  | 'unmeasured'
  | 'deadline'
  | 'no-slices'
  | 'memory'
  | 'disk'
  | 'time'
  | 'stake'
  | 'leading'
  | 'ceiling-below-floor'
  | 'leader-below-floor'

export type Decision =
  | {
      readonly kind: 'bid'
      readonly price: bigint
      /** Seconds promised for a slice. */
      readonly time: number
      /** So many slices at a time. */
      readonly slices: number
      /** Which ones fit. */
      readonly fitting: readonly number[]
    }
  | { readonly kind: 'skip'; readonly reason: SkipReason; readonly value: string; readonly limit: string }

/** Whether to bid for a job, and how. The first reason against it is given; they are in the order in which they pass. */
export const mayBid = (offer: Offer, policy: Policy, load: Load, conditions: Conditions): Decision => {
  const { caps, price, slack } = policy
  const { capability, now } = conditions
  const pause = pausedBy(policy.pause, conditions)
  if (pause) return { kind: 'skip', ...pause }
  if (!withinHours(caps.hours, conditions.wall))
    return skip('hours', clockOf(conditions.wall), 'policy.caps.hours')
  const promise = ({ work }: OfferedSlice): number =>
    Math.ceil((Number(work) / (capability?.unitsPerSecond ?? 0)) * slack) + START_SECONDS
  // Those that run and those that wait. Half of the time for the receipt is left for what does not go as promised.
  const longest = Math.max(START_SECONDS, ...offer.slices.map(promise))
  const most = caps.runs * (1 + Math.floor(offer.receipt / (2 * longest)))
  if (load.runs >= most) return skip('runs', load.runs, `below ${most}`)
  if (capability === undefined) return skip('unmeasured', 'unknown', 'a measured throughput')
  if (offer.deadline <= now) return skip('deadline', offer.deadline, `after ${now}`)
  if (offer.slices.length === 0) return skip('no-slices', 0, 'a slice that is open')

  const ask = askPrice(price, capability.unitsPerSecond * caps.runs, offer)
  if ('reason' in ask) return skip(ask.reason, `a floor of ${ask.floor}`, limitOfPrice(ask.reason, offer))

  // What is measured in bytes and seconds, slice by slice; one that fails the fewest says why none fits.
  const left = {
    memory: Math.min(caps.memory - load.memory, conditions.freeMemory),
    disk: Math.min(caps.disk - load.disk, conditions.freeDisk),
    stake: conditions.freeStake - load.stake,
  }
  const fits = offer.slices.filter(
    (slice) =>
      slice.memory <= left.memory &&
      slice.disk <= left.disk &&
      promise(slice) <= slice.time &&
      slice.stake <= left.stake,
  )
  if (fits.length === 0) {
    const nearest = offer.slices.reduce((a, b) => (b.memory < a.memory ? b : a))
    if (nearest.memory > left.memory) return skip('memory', nearest.memory, `at most ${left.memory} bytes`)
    if (nearest.disk > left.disk) return skip('disk', nearest.disk, `at most ${left.disk} bytes`)
    if (promise(nearest) > nearest.time)
      return skip('time', `${promise(nearest)} s`, `at most the slice's ${nearest.time} s`)
    return skip('stake', nearest.stake, `at most the free ${left.stake}`)
  }
  // One bid stands for every slice that it is taken for: its time must be within all of theirs.
  const tightest = Math.min(...fits.map(({ time }) => time))
  const fitting = fits.filter((slice) => promise(slice) <= tightest)
  const slices = countTogether(fitting, Math.min(caps.runs, most - load.runs), left)
  const time = Math.min(tightest, Math.max(...fitting.map(promise)) + SPARE_SECONDS)
  return { kind: 'bid', price: ask.price, time, slices, fitting: fitting.map(({ slice }) => slice) }
}

export type PauseReason = 'battery' | 'owner-input' | 'owner-load'
type Pause = { readonly reason: PauseReason; readonly value: string; readonly limit: string }

/** Why this machine is its owner's at the moment, if it is. What cannot be seen is no reason. */
export const pausedBy = (
  pause: Policy['pause'],
  conditions: Pick<Conditions, 'onBattery' | 'inputIdle' | 'othersLoad'>,
): Pause | undefined => {
  const { onBattery, inputIdle, othersLoad } = conditions
  if (pause.battery && onBattery) return { reason: 'battery', value: 'on battery', limit: 'on mains' }
  if (pause.ownerInput > 0 && inputIdle !== undefined && inputIdle < pause.ownerInput)
    return { reason: 'owner-input', value: `${inputIdle} s ago`, limit: `${pause.ownerInput} s ago` }
  if (pause.ownerLoad > 0 && othersLoad !== undefined && othersLoad > pause.ownerLoad)
    return {
      reason: 'owner-load',
      value: `${othersLoad.toFixed(2)} cores`,
      limit: `${pause.ownerLoad} cores`,
    }
  return undefined
}

/** To fetch the inputs, start the process and compile the program, on top of the work itself. */
const START_SECONDS = 10
/**
 * Promised on top where the slice allows it: the machine may be busy with others, or cut off from the chain for a minute
 * or two. A promise binds, whoever breaks it is slashed, and a shorter one is preferred only between equal prices.
 */
const SPARE_SECONDS = 240

/** How many of these fit beside each other, the largest taken for all. */
const countTogether = (
  slices: readonly OfferedSlice[],
  runs: number,
  room: { readonly memory: number; readonly disk: number; readonly stake: bigint },
): number => {
  const [memory, disk] = [Math.max(...slices.map((s) => s.memory)), Math.max(...slices.map((s) => s.disk))]
  const stake = slices.reduce((most, s) => (s.stake > most ? s.stake : most), 0n)
  const by = [
    runs,
    slices.length,
    memory > 0 ? Math.floor(room.memory / memory) : runs,
    disk > 0 ? Math.floor(room.disk / disk) : runs,
    stake > 0n ? Number(room.stake / stake) : runs,
  ]
  return Math.max(1, Math.min(...by))
}

const limitOfPrice = (reason: SkipReason, { ceiling, leader }: Offer): string =>
  reason === 'ceiling-below-floor'
    ? `at most the ceiling, ${ceiling}`
    : reason === 'leading'
      ? 'a leader that is not our own'
      : `below the leading score, ${leader?.score}`

const skip = (reason: SkipReason, value: bigint | number | string, limit: string): Decision => ({
  kind: 'skip',
  reason,
  value: String(value),
  limit,
})

const clockOf = ({ minute }: WallTime): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
