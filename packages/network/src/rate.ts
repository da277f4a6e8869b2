import type { Clock } from './clock.ts'

/** At most `perSecond` units on average, and at most `burst` at once. */
export type Rate = { readonly perSecond: number; readonly burst: number }

/** All peers together may do as much as so many peers could alone. */
export const CROWD = 16

export const crowdRate = (rate: Rate): Rate => ({
  perSecond: rate.perSecond * CROWD,
  burst: rate.burst * CROWD,
})

/** Takes `units` for `key` and gives 0, or takes nothing and gives the milliseconds after which they could be had. */
export type Limiter = (key: string, units?: number) => number

/**
 * The generic cell rate algorithm: of each key only the time is kept at which its burst is whole again. Keys that were
 * used longest ago are forgotten first, so that strangers with many names cost no more memory than `maxKeys` names do.
 */
export const createLimiter = (rate: Rate, clock: Clock, maxKeys = 4096): Limiter => {
  const wholeAt = new Map<string, number>()
  const interval = 1000 / rate.perSecond
  const tolerance = rate.burst * interval
  return (key, units = 1) => {
    const now = clock()
    const next = Math.max(wholeAt.get(key) ?? now, now) + units * interval
    if (next - now > tolerance) return Math.max(1, Math.ceil(next - now - tolerance))
    wholeAt.delete(key)
    wholeAt.set(key, next)
    if (wholeAt.size > maxKeys) wholeAt.delete(wholeAt.keys().next().value!)
    return 0
  }
}
