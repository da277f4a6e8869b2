import { type Grid, gatherRows, index, map, materialise, view } from '@lockstep/tensor'

/**
 * Consecutive tokens of a corpus (N): (B, length) words, row b from the place starts[b] on.
 * Places beyond the corpus are clamped to its last token.
 */
export const windowsAt = (corpus: Grid<'u'>, starts: Grid<'u'>, length: number): Grid<'u'> => {
  const row = view<'u'>([starts.shape[0]!, length], (b) => starts.at(b))
  const places = map([row], (start) => start.add(index(1)), { label: 'places' })
  return materialise(gatherRows(corpus, places))
}
