/** Actions over which unwanted offers are counted. */
export const PATIENCE_WINDOW = 100
/** Actions after which an offer that was taken counts as wanted for good. */
export const SETTLE = 5

/**
 * Keeps the promise that at most `allowed()` of the offers made within any hundred actions turn out to be unwanted,
 * whatever a model says: as long as nobody knows how an offer ends, it counts as if it were unwanted.
 */
export type Patience = {
  /** The person did something: an action that an offer is made after. */
  acted(): void
  /** Whether one more may be made now. */
  allows(): boolean
  /** One is made; it has this number from now on. */
  offered(): number
  /** It was taken. It may turn out to be unwanted within the next `SETTLE` actions. */
  accepted(offer: number): void
  /** It was not taken, or was taken back. Says whether it counts: an offer that is settled does not any more. */
  unwanted(offer: number): boolean
  /** Unwanted offers, and those of which nobody knows yet, of the last hundred actions. */
  used(): number
  /** The most that were unwanted within any hundred actions so far. */
  worst(): number
}

type Made = { readonly at: number; state: 'open' | 'accepted' | 'unwanted'; acceptedAt: number }

export const createPatience = (allowed: () => number): Patience => {
  const made = new Map<number, Made>()
  const regretted: number[] = [] // when offers were made that turned out to be unwanted, ascending
  let actions = 0
  let next = 0
  let worst = 0
  const used = (): number => {
    let count = 0
    for (const { at } of made.values()) if (at > actions - PATIENCE_WINDOW) count++
    return count
  }
  return {
    acted: () => {
      actions++
      for (const [offer, { at, state, acceptedAt }] of made) {
        const isSettled = state === 'accepted' && actions - acceptedAt > SETTLE
        if (isSettled || (state !== 'open' && at <= actions - 2 * PATIENCE_WINDOW)) made.delete(offer)
      }
      while (regretted.length > 0 && regretted[0]! <= actions - 4 * PATIENCE_WINDOW) regretted.shift()
    },
    allows: () => used() < allowed(),
    offered: () => {
      made.set(next, { at: actions, state: 'open', acceptedAt: 0 })
      return next++
    },
    accepted: (offer) => {
      const one = made.get(offer)
      if (one?.state !== 'open') return
      one.state = 'accepted'
      one.acceptedAt = actions
    },
    unwanted: (offer) => {
      const one = made.get(offer)
      if (one === undefined || one.state === 'unwanted') return false
      one.state = 'unwanted'
      regretted.push(one.at)
      regretted.sort((a, b) => a - b)
      for (const end of regretted)
        worst = Math.max(worst, regretted.filter((at) => at <= end && at > end - PATIENCE_WINDOW).length)
      return true
    },
    used,
    worst: () => worst,
  }
}
