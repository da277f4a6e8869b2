import { catchFault, FaultError, type Result } from '@lockstep/tensor'
import { escrowAtPosting } from './escrow.ts'
import { type Charges, GIVEN, POST_LIMITS, type Post, type Slice } from './post.ts'
import { requiredStake } from './rule.ts'

/** What the chain says that a job has to keep within, beside the market's own hard bounds. */
export type PostBounds = {
  /** The chain's seconds. */
  readonly now: number
  /** The least for each of a job's times. */
  readonly minimumTime: number
  /** Native coin: the least that Disputes takes. */
  readonly minimumBond: bigint
  /** The least window: an audit must end in it, and leave time for a challenge. */
  readonly leastWindow: number
  readonly charges: Charges
}

const DAY = 86_400
const MOST_PRICE = 2n ** 80n
const MOST_WORK = 2n ** 48n
/** Of an amount that the vault holds. */
const MOST_AMOUNT = 2n ** 96n - 1n

/**
 * Whether the market would take a post, and what goes into escrow: the bounds of PostRules.sol, so that a job which
 * cannot be posted is refused with its field before any money moves.
 */
export const checkPost = (post: Post, bounds: PostBounds): Result<bigint> =>
  catchFault(() => {
    const { programs, slices, auditors, named } = POST_LIMITS
    within('programs', post.programs.length, 1, programs)
    within('ceiling', post.ceiling, 1n, MOST_PRICE)
    within('auditPrice', post.auditPrice, (post.ceiling + 1n) / 2n, MOST_PRICE)
    within('bond', post.bond, bounds.minimumBond, MOST_AMOUNT)
    within('auditRate', post.auditRate, 1, 10_000)
    within('auditors', post.auditors, 1, auditors)
    within('allowed', post.allowed.length, 0, named)
    within('banned', post.banned.length, 0, named)
    checkTimes(post, bounds)
    within('slices', post.slices.length, 1, slices)
    for (const [i, slice] of post.slices.entries()) checkSlice(post, slice, i, bounds)
    const escrow = escrowAtPosting(post, bounds.charges)
    within('escrow', escrow, 0n, MOST_AMOUNT)
    return escrow
  })

const checkTimes = ({ times }: Post, { now, minimumTime, leastWindow }: PostBounds): void => {
  for (const name of ['bidding', 'inclusion', 'receipt', 'audit', 'answer'] as const)
    within(`times.${name}`, times[name], minimumTime, 7 * DAY)
  within('times.window', times.window, leastWindow, 90 * DAY)
  within('times.clock', times.clock, minimumTime, 30 * DAY)
  within('times.moveTime', times.moveTime, minimumTime, 30 * DAY)
  within('times.stepTime', times.stepTime, times.moveTime, 30 * DAY)
  within('times.segmentTime', times.segmentTime, times.stepTime, 30 * DAY)
  within('times.deadline', times.deadline, now + 1, now + 365 * DAY)
}

const checkSlice = (post: Post, slice: Slice, index: number, { minimumTime, charges }: PostBounds): void => {
  const at = `slices[${index}]`
  within(`${at}.program`, slice.program, 0, post.programs.length - 1)
  if (slice.initialFrom !== GIVEN) {
    within(`${at}.initialFrom`, slice.initialFrom, 0, index - 1)
    within(`${at}.initialItem`, BigInt(slice.initialItem), 0n, 0n)
  }
  within(`${at}.inputsFrom`, slice.inputsFrom.length, 0, POST_LIMITS.read)
  for (const from of slice.inputsFrom) within(`${at}.inputsFrom`, from, 0, index - 1)
  if (slice.inputsFrom.length > 0) within(`${at}.inputsRoot`, BigInt(slice.inputsRoot), 0n, 0n)
  within(`${at}.steps`, slice.steps, 1, 2 ** 48)
  within(`${at}.segmentLength`, slice.segmentLength, 1, 2 ** 20)
  within(`${at}.segments`, Math.ceil(slice.steps / slice.segmentLength), 1, POST_LIMITS.segments)
  within(`${at}.work`, slice.work, 1n, MOST_WORK)
  within(`${at}.time`, slice.time, minimumTime, 30 * DAY)
  within(`${at} stake`, requiredStake(post, slice, charges.minimumStake), 0n, MOST_AMOUNT)
}

const within = <T extends number | bigint>(field: string, value: T, least: T, most: T): void => {
  if (value >= least && value <= most) return
  throw new FaultError({
    code: 'post-invalid',
    field,
    value: String(value),
    limit: least > most ? 'nothing' : `${least} to ${most}`,
    remedy: 'Change the manifest, or choose another network.',
  })
}
