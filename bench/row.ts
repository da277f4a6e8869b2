/** One comparison, or one figure that is compared with nothing. `ratio` is ours to theirs where more is better. */
export type Row = {
  readonly what: string
  readonly ours: number
  readonly unit: string
  readonly against: string | null
  readonly theirs: number | null
  readonly ratio: number | null
  readonly target: number | null
  readonly met: boolean | null
}
export type BenchOptions = {
  readonly quick: boolean
  /** How much of it, in the bench's own terms; left out, as much as its rows are about. */
  readonly count?: number
}
export type Bench = (options: BenchOptions) => Promise<Row[]>

/** What was measured, beside nothing. */
export const figure = (what: string, ours: number, unit: string): Row => ({
  ...{ what, ours, unit },
  ...{ against: null, theirs: null, ratio: null, target: null, met: null },
})

export const median = (xs: readonly number[]): number => {
  const sorted = [...xs].sort((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2
}

/** Seconds that each of the functions takes, round by round: they take turns, so that all meet the same machine. */
export const alternate = async (
  rounds: number,
  functions: readonly (() => Promise<void> | void)[],
): Promise<number[][]> => {
  const times = functions.map((): number[] => [])
  for (let i = 0; i < rounds; i++)
    for (const [at, run] of functions.entries()) {
      const start = performance.now()
      await run()
      times[at]!.push((performance.now() - start) / 1000)
    }
  return times
}

/**
 * A row from the times of the same amount of work, ours and theirs. The ratio is the median of the rounds' ratios,
 * which a machine that others use too disturbs less than the ratio of the medians.
 */
export const workRow = (
  what: string,
  work: number,
  unit: string,
  ours: readonly number[],
  against: string,
  theirs: readonly number[],
  target: number | null,
): Row => {
  const ratio = median(ours.map((t, i) => theirs[i]! / t))
  return {
    what,
    ours: work / median(ours),
    unit,
    against,
    theirs: work / median(theirs),
    ratio,
    target,
    met: target === null ? null : ratio >= target,
  }
}
