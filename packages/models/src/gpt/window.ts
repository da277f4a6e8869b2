import { type Grid, index, map, view } from '@lockstep/tensor'

/**
 * Consecutive tokens of a corpus (N): (B, length) words, row b from the place starts[b] on.
 * Places beyond the corpus are clamped to its last token.
 */
export const windowsAt = (corpus: Grid<'u'>, starts: Grid<'u'>, length: number): Grid<'u'> => {
  const batch = starts.shape[0]!
  const row = view<'u'>([batch, length], (b) => starts.at(b))
  const places = map([row], (start) => start.add(index(1)), { label: 'places' })
  const tokens = view<'u'>([batch, length], (b, t) => corpus.at(places.at(b, t)))
  return map([tokens], (token) => token, { label: 'tokens' })
}
