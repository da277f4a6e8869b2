import { figure, type Row } from '../row.ts'
import { interval } from './interval.ts'

/** A figure with its seeds: one value each, their mean and its 95% interval, which the label says too. */
export const seedsRow = (
  what: string,
  unit: string,
  seeds: readonly number[],
  values: readonly number[],
  digits = 3,
): Row => {
  const found = interval(values)
  const shown = `${found.low.toFixed(digits)} to ${found.high.toFixed(digits)}`
  return { ...figure(`${what}, 95% ${shown}`, found.mean, unit), low: found.low, high: found.high, seeds }
}

/** How much more the one has come to than the other, seed by seed, as a part of the other. */
export const moreRow = (
  what: string,
  unit: string,
  seeds: readonly number[],
  ours: readonly number[],
  theirs: readonly number[],
): Row =>
  seedsRow(
    what,
    unit,
    seeds,
    ours.map((value, i) => value / theirs[i]! - 1),
  )
