import { f32, select } from '../../scalar/trace.ts'
import { fold } from '../fold.ts'
import type { Grid } from '../grid.ts'
import { map } from '../map.ts'
import { reshape } from '../reshape.ts'
import { show, TraceError } from '../trace-error.ts'
import { abs } from './arithmetic.ts'
import { max } from './reduce.ts'

/** A weight (K, N) in 8 bits a number: (word - 128) * the scale of its column. */
export type Quantised = {
  readonly words: Grid<'u'> // (K, N), u8: 1 to 255
  readonly scale: Grid<'f'> // (N)
}

/**
 * A weight (K, N) rounded to 255 even steps between -m and m, where m is the greatest magnitude of its column (output
 * channel). So each number is off by at most m / 254, and by its rounding: scale / 2 + 2^-22 m. Four nodes; the inputs
 * of an inference program are made by one run of it.
 */
export const quantise = (weight: Grid<'f'>): Quantised => {
  const label = 'quantise'
  if (weight.rank !== 2)
    throw new TraceError(label, `a weight of shape ${show(weight.shape)}; it must be (K, N)`)
  const scale = map([max(abs(weight), { axes: 0 })], (m) => m.mul(f32(1 / 127)), { label })
  // A column of zeroes has scale 0 and all its words are 128. Half steps go up.
  const words = map([weight, scale], (w, s) => select(s.eq(0), f32(128), w.div(s).add(128.5)).toU32(), {
    dtype: 'u8',
    label,
  })
  return { words, scale }
}

/** The weight that the words stand for, (K, N). */
export const dequantise = ({ words, scale }: Quantised): Grid<'f'> =>
  map([words, scale], (w, s) => w.toF32().sub(128).mul(s), { label: 'dequantise' })

/**
 * x times a quantised weight: (.., K) and (K, N) give (.., N). The sum over k of x * (word - 128), where the difference
 * is exact, then times the column's scale: words are read as they are stored, a quarter of the bytes. Two nodes. The
 * result differs from that of `dequantise` by rounding only.
 */
export const matmulQuantised = (x: Grid<'f'>, { words, scale }: Quantised): Grid<'f'> => {
  const label = 'matmulQuantised'
  const [depth, columns] = words.shape as [number, number]
  if (words.rank !== 2 || x.shape.at(-1) !== depth || show(scale.shape) !== show([columns]))
    throw new TraceError(
      label,
      `x of shape ${show(x.shape)}, words of ${show(words.shape)} and scale of ${show(scale.shape)}; they must be (.., K), (K, N) and (N)`,
    )
  const rows = reshape(x, [-1, depth])
  const total = fold({
    label,
    shape: [rows.shape[0]!, columns],
    box: [depth],
    register: 'f',
    order: 'blocked',
    init: -0,
    reads: ([m, n], [k]) => [rows.at(m!, k!), words.at(k!, n!)],
    step: (acc, a, w) => a.fma(w.toF32().sub(128), acc),
    combine: (acc, block) => acc.add(block),
  })
  return reshape(
    map([total, scale], (a, s) => a.mul(s), { label }),
    [...x.shape.slice(0, -1), columns],
  )
}
