/** At most `perSecond` on average, and at most `burst` at once. */
export type RequestRate = { readonly perSecond: number; readonly burst: number }

/** Callers who are remembered at once; one more, and who has been quiet longest is forgotten. */
const MOST_CALLERS = 4096

/**
 * Who may ask how often: the generic cell rate algorithm, which keeps one number a caller. The answer is the seconds to
 * wait, 0 where the request may pass.
 */
export const createRequestRate = (
  { perSecond, burst }: RequestRate,
  now: () => number,
): ((caller: string) => number) => {
  const interval = 1000 / perSecond
  const arrivals = new Map<string, number>()
  return (caller) => {
    const time = now()
    const expected = Math.max(arrivals.get(caller) ?? 0, time)
    const early = expected - time - (burst - 1) * interval
    if (early > 0) return early / 1000
    arrivals.delete(caller) // behind all others, as the newest
    arrivals.set(caller, expected + interval)
    if (arrivals.size > MOST_CALLERS) arrivals.delete(arrivals.keys().next().value!)
    return 0
  }
}
