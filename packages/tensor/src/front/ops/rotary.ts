import { cos, pow, sin } from '../../scalar/elementary.ts'
import { type F, index, select } from '../../scalar/trace.ts'
import { withGradient } from '../grad/with-gradient.ts'
import { type Grid, stopGradient, view } from '../grid.ts'
import { map } from '../map.ts'
import { reshape } from '../reshape.ts'
import { show, TraceError } from '../trace-error.ts'
import { flip } from '../views.ts'

/** Angles of turn for each place, as two tables that all layers share: (T, D / 2) or (B, T, D / 2). */
export type Rotation = { readonly cosine: Grid<'f'>; readonly sine: Grid<'f'> }

/** base^(-2 i / width) for i below width / 2: how far a pair turns from one place to the next, in radians. */
export const rotaryFrequencies = (width: number, base = 10_000): Grid<'f'> => {
  if (!(Number.isInteger(width / 2) && width >= 2))
    throw new TraceError('rotaryFrequencies', `width ${width}; it must be even and at least 2`)
  return map(
    [],
    () =>
      pow(
        base,
        index(0)
          .toF32()
          .mul(-2 / width),
      ),
    {
      shape: [width / 2],
      label: 'rotaryFrequencies',
    },
  )
}

/**
 * The rotation at these places, words (T) or (B, T) up to 2^17: word times frequency, its cosine and sine. Frequencies
 * are (D / 2): `rotaryFrequencies`, or others that a model comes with. Two nodes.
 */
export const rotation = (places: Grid<'u'>, frequencies: Grid<'f'>): Rotation => {
  const shape = [...places.shape, frequencies.size]
  const at = view<'u'>(shape, (...i) => places.at(...i.slice(0, -1)))
  const table = (label: string, turn: (angle: F) => F) =>
    map([at, stopGradient(frequencies)], (place, each) => turn(place.toF32().mul(each)), { label })
  return { cosine: table('cosine', cos), sine: table('sine', sin) }
}

/** Which numbers turn together: number i with i + D / 2, as the hub's Llama has them, or each two neighbours. */
export type RotaryLayout = 'halves' | 'neighbours'

/**
 * Rotary positions (Su et al., 2021): x (B, T, H, D), every pair (a, b) of a head's numbers turned to
 * (a cos - b sin, a sin + b cos). One node, and one for its gradient, which turns back.
 */
export const rotary = (
  x: Grid<'f'>,
  { cosine, sine }: Rotation,
  layout: RotaryLayout = 'halves',
): Grid<'f'> => {
  const [batch, rows, heads, width] = x.shape as [number, number, number, number]
  const each = cosine.rank === 3 ? [batch, rows, width / 2] : [rows, width / 2]
  if (x.rank !== 4 || show(cosine.shape) !== show(each) || show(sine.shape) !== show(each))
    throw new TraceError(
      'rotary',
      `x of shape ${show(x.shape)} and tables of ${show(cosine.shape)} and ${show(sine.shape)}; they must be (B, T, H, D) and (T, D / 2) or (B, T, D / 2)`,
    )
  const side = layout === 'halves' ? 3 : 4 // the dimension of extent 2 that a pair lies along
  const pairs = [batch, rows, heads, ...(side === 3 ? [2, width / 2] : [width / 2, 2])]
  const turned = (of: Grid<'f'>, back: boolean): Grid<'f'> => {
    const own = reshape(of, pairs)
    const spread = (table: Grid<'f'>) =>
      view<'f'>(pairs, (...i) =>
        table.at(...(table.rank === 3 ? [i[0]!] : []), i[1]!, i[side === 3 ? 4 : 3]!),
      )
    const label = back ? 'gradient of rotary' : 'rotary'
    return map(
      [own, flip(own, [side]), spread(cosine), spread(sine)],
      (a, other, c, s) => {
        const first = index(side).eq(back ? 1 : 0)
        return select(first, other.neg(), other).fma(s, a.mul(c))
      },
      { label },
    )
  }
  const still = stopGradient(x)
  return withGradient(reshape(turned(still, false), x.shape), (g) => [
    { of: x, gradient: reshape(turned(g, true), x.shape) },
  ])
}
