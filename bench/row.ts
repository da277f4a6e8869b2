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
  /** Where a figure of several seeds lies with 95% confidence, and which seeds they are. */
  readonly low?: number
  readonly high?: number
  readonly seeds?: readonly number[]
}
export type BenchOptions = {
  readonly quick: boolean
  /** How much of it, in the bench's own terms; left out, as much as its rows are about. */
  readonly count?: number
  /** The parts that are wanted, for a bench that has parts. */
  readonly only?: readonly string[]
  /** Says something of the machine or of what was compared, beside the rows. */
  readonly tell: (what: string, value: string | number) => void
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

/**
 * Seconds that each of the functions takes, round by round: they take turns, so that all meet the same machine. A
 * function that times itself, in another process say, gives its seconds.
 */
export const alternate = async (
  rounds: number,
  functions: readonly (() => unknown)[],
): Promise<number[][]> => {
  const times = functions.map((): number[] => [])
  for (let i = 0; i < rounds; i++)
    for (const [at, run] of functions.entries()) {
      const start = performance.now()
      const own = await run()
      times[at]!.push(typeof own === 'number' ? own : (performance.now() - start) / 1000)
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

/** Against what the machine can do at most: the best of the rounds on either side, in units of work a second. */
export const ceilingRow = (
  what: string,
  work: number,
  unit: string,
  ours: readonly number[],
  against: string,
  ceiling: number,
  target: number | null,
): Row => {
  const rate = work / Math.min(...ours)
  const ratio = rate / ceiling
  return {
    ...{ what, ours: rate, unit, against, theirs: ceiling, ratio, target },
    met: target === null ? null : ratio >= target,
  }
}

/** Seconds or bytes that must not exceed a limit. The ratio is the limit's part that is left: at least 1 meets it. */
export const limitRow = (what: string, ours: number, unit: string, against: string, limit: number): Row => ({
  ...{ what, ours, unit, against, theirs: limit, ratio: limit / ours, target: 1 },
  met: ours <= limit,
})

/** Ours beside a peer that is not installed here. */
export const absentRow = (
  what: string,
  ours: number,
  unit: string,
  against: string,
  target: number | null,
): Row => ({ what, ours, unit, against, theirs: null, ratio: null, target, met: null })

/** What the same work takes, ours and theirs, in milliseconds: less is better, so the ratio is theirs to ours. */
export const timeRow = (
  what: string,
  ours: readonly number[],
  against: string,
  theirs: readonly number[],
  target: number | null,
): Row => ({
  ...workRow(what, 1, 'ms', ours, against, theirs, target),
  ours: 1000 * median(ours),
  theirs: 1000 * median(theirs),
})
