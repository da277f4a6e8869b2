/** Peers sum in other orders: numbers this near are the same work, numbers further apart are another computation. */
const SAME = 1e-3

/** How far two lists of numbers are apart, in parts of the largest. */
export const apart = (ours: readonly number[], theirs: readonly number[]): number => {
  if (ours.length === 0 || ours.length !== theirs.length) return Number.POSITIVE_INFINITY
  const scale = Math.max(...ours.map(Math.abs), 1e-30)
  return Math.max(...ours.map((x, i) => Math.abs(x - theirs[i]!) / scale))
}

/** Refuses a comparison of different work; otherwise how near the numbers are, in words. */
export const sameWork = (
  what: string,
  label: string,
  ours: readonly number[],
  theirs: readonly number[],
): string => {
  const difference = apart(ours, theirs)
  if (!(difference <= SAME))
    throw new Error(
      `${what}: ${label} computes something else: ${theirs.join(', ')} where we have ${ours.join(', ')}`,
    )
  return `within ${difference.toExponential(1)}`
}
