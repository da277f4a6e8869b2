/**
 * From what a judge read to how likely an answer is right, learned from answers whose scores are known. First several
 * readings become one number by Fisher's linear discriminant (Fisher, 1936): the weights by which right and wrong
 * answers are furthest apart for their scatter. Then a rising line through how many were right at each height of that
 * number (isotonic regression by pooling adjacent violators, Ayer et al., 1955) says how likely right is. Both are sums
 * and quotients of binary64: everybody comes to the same bits.
 */
export type Sample = { readonly readings: readonly number[]; readonly right: boolean }

/** `chances` rise, or stay, from one of the rising `heights` to the next; between two of them lies a straight line. */
export type Scale = {
  readonly weights: readonly number[]
  readonly heights: readonly number[]
  readonly chances: readonly number[]
}

/** How many samples of the overall part of right ones are added to each step of the line: few samples say little. */
const PRIOR = 2

/**
 * @param samples At least one; all with as many readings, which are finite. Where all are right, or none is, every
 *   answer has the same chance.
 */
export const fitScale = (samples: readonly Sample[]): Scale => {
  if (samples.length === 0) throw new RangeError('no samples; a scale is fitted to at least one')
  const rightOnes = samples.filter(({ right }) => right)
  const overall = (rightOnes.length + 1) / (samples.length + 2)
  const weights = discriminant(samples)
  const heighted = samples
    .map(({ readings, right }) => ({ height: heightOf(weights, readings), right }))
    .sort((a, b) => a.height - b.height)
  const steps: { sum: number; right: number; count: number }[] = []
  const chance = ({ right, count }: { right: number; count: number }): number =>
    (right + PRIOR * overall) / (count + PRIOR)
  for (const { height, right } of heighted) {
    let step = { sum: height, right: right ? 1 : 0, count: 1 }
    for (let last = steps.at(-1); last !== undefined; last = steps.at(-1)) {
      // Equal heights are one place, whatever stands there; a falling part is levelled.
      const isRising = last.right * step.count < step.right * last.count
      if (isRising && last.sum / last.count < step.sum / step.count) break
      steps.pop()
      step = { sum: last.sum + step.sum, right: last.right + step.right, count: last.count + step.count }
    }
    steps.push(step)
  }
  let least = 0
  return {
    weights,
    heights: steps.map(({ sum, count }) => sum / count),
    // A step of few samples is nearer to the overall part than its neighbours, and may fall below one before it.
    chances: steps.map((step) => {
      least = Math.max(least, chance(step))
      return least
    }),
  }
}

/** How likely an answer with these readings is right, more than 0 and less than 1. */
export const chanceOf = ({ weights, heights, chances }: Scale, readings: readonly number[]): number => {
  const height = heightOf(weights, readings)
  const above = heights.findIndex((one) => one > height)
  if (above === 0) return chances[0]!
  if (above < 0) return chances.at(-1)!
  const [low, high] = [heights[above - 1]!, heights[above]!]
  const part = (height - low) / (high - low)
  return chances[above - 1]! + part * (chances[above]! - chances[above - 1]!)
}

const heightOf = (weights: readonly number[], readings: readonly number[]): number =>
  weights.reduce((sum, weight, i) => sum + weight * readings[i]!, 0)

/** Keeps readings that are nearly the same from getting weights without measure, as a part of their mean variance. */
const RIDGE = 1e-3

/** (scatter within right and within wrong)^-1 (mean of right - mean of wrong); zeroes where one of them is missing. */
const discriminant = (samples: readonly Sample[]): number[] => {
  const n = samples[0]!.readings.length
  const sides = [true, false].map((side) => samples.filter(({ right }) => right === side))
  if (sides.some((some) => some.length === 0)) return new Array<number>(n).fill(0)
  const means = sides.map((some) =>
    Array.from(
      { length: n },
      (_, i) => some.reduce((sum, { readings }) => sum + readings[i]!, 0) / some.length,
    ),
  )
  const scatter = Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) =>
      sides.reduce(
        (sum, some, s) =>
          some.reduce(
            (inner, { readings }) => inner + (readings[i]! - means[s]![i]!) * (readings[j]! - means[s]![j]!),
            sum,
          ),
        0,
      ),
    ),
  )
  const ridge = (RIDGE * scatter.reduce((sum, row, i) => sum + row[i]!, 0)) / n + Number.MIN_VALUE
  for (const [i, row] of scatter.entries()) row[i]! += ridge
  return solve(
    scatter,
    Array.from({ length: n }, (_, i) => samples.length * (means[0]![i]! - means[1]![i]!)),
  )
}

/** x with A x = b, of a symmetric A whose pivots are above 0: Gauss's elimination. */
const solve = (a: readonly (readonly number[])[], b: readonly number[]): number[] => {
  const rows = a.map((row, i) => [...row, b[i]!])
  for (const [i, pivot] of rows.entries())
    for (const below of rows.slice(i + 1)) {
      const factor = below[i]! / pivot[i]!
      for (let j = i; j < pivot.length; j++) below[j]! -= factor * pivot[j]!
    }
  const x = new Array<number>(b.length).fill(0)
  for (let i = b.length - 1; i >= 0; i--) {
    const known = x.reduce((sum, value, j) => (j > i ? sum + value * rows[i]![j]! : sum), 0)
    x[i] = (rows[i]![b.length]! - known) / rows[i]![i]!
  }
  return x
}
