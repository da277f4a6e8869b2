/** One comparison. `ratio` is ours to theirs in the sense in which more is better. */
export type Row = {
  readonly what: string
  readonly ours: number
  readonly unit: string
  readonly against: string
  readonly theirs: number
  readonly ratio: number
  readonly target: number | null
  readonly met: boolean | null
}
export type Bench = (options: { quick: boolean }) => Promise<Row[]>

export const median = (xs: readonly number[]): number => {
  const sorted = [...xs].sort((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2
}

/** Seconds that each of the functions takes: medians of `runs` rounds in which they take turns. */
export const alternate = async (
  runs: number,
  functions: readonly (() => Promise<void> | void)[],
): Promise<number[]> => {
  const times = functions.map((): number[] => [])
  for (let i = 0; i < runs; i++)
    for (const [at, run] of functions.entries()) {
      const start = performance.now()
      await run()
      times[at]!.push((performance.now() - start) / 1000)
    }
  return times.map(median)
}

/** A row from rates (more is better). */
export const rateRow = (
  what: string,
  ours: number,
  unit: string,
  against: string,
  theirs: number,
  target: number | null,
): Row => {
  const ratio = ours / theirs
  return { what, ours, unit, against, theirs, ratio, target, met: target === null ? null : ratio >= target }
}
