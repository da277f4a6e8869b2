/** How often a part has ended of late, without being asked to. */
export type Ends = {
  /** Since it ran steadily: the next delay doubles with each. */ readonly inRow: number
  readonly times: readonly number[]
}

export const NO_ENDS: Ends = { inRow: 0, times: [] }

/** All in milliseconds. */
export type BackOff = {
  readonly first: number
  readonly longest: number
  /** Who has run as long begins anew with the first delay. */
  readonly steady: number
  /** So many ends in such a time are a crash loop. */
  readonly loop: { readonly ends: number; readonly within: number }
}

export const BACK_OFF: BackOff = {
  first: 500,
  longest: 60_000,
  steady: 60_000,
  loop: { ends: 5, within: 600_000 },
}

/** What follows an end: how long to wait, and whether it is one of a crash loop. It goes on being tried for ever. */
export const afterEnd = (
  ends: Ends,
  { now, ran }: { readonly now: number; readonly ran: number },
  { first, longest, steady, loop }: BackOff,
): { readonly ends: Ends; readonly delay: number; readonly looping: boolean } => {
  const inRow = ran >= steady ? 1 : ends.inRow + 1
  const times = [...ends.times, now].filter((time) => time > now - loop.within).slice(-loop.ends)
  return {
    ends: { inRow, times },
    delay: Math.min(longest, first * 2 ** Math.min(inRow - 1, 30)),
    looping: times.length >= loop.ends,
  }
}
