import { DTYPES, type FoldNode, type Guard, type Node, size, type WordRead } from '@lockstep/tensor'

/**
 * A chain in which each k can touch only one place of one output dimension, because a guard says that a word read at k
 * equals that coordinate. Walking k once, in order, and touching that place is the same as walking k at every place.
 */
export type Scatter = {
  readonly node: FoldNode
  readonly dimension: number
  readonly word: WordRead
  /** The word is the coordinate plus this. */
  readonly base: number
  readonly guards: readonly Guard[]
  /** An item is all that is not the dimension. */
  readonly items: number
  /** The node that only puts each place's init there. */
  readonly start: FoldNode
}

/** The scatter that a node is, if it is one. */
export const scatterOf = (node: Node): Scatter | undefined => {
  if (node.kind !== 'fold' || node.order.kind !== 'chain' || DTYPES[node.dtype].bytes !== 4) return undefined
  if (size(node.box) === 0) return undefined
  for (const guard of node.guards) {
    if (guard.test !== 'eq') continue
    for (const [a, b] of [
      [guard.left, guard.right],
      [guard.right, guard.left],
    ] as const) {
      if (!('word' in a) || 'word' in b) continue
      const [term] = b.terms
      if (b.terms.length !== 1 || term!.by !== 1 || term!.at >= node.shape.length) continue
      const dimension = term!.at
      if (a.word.coords.some((c) => c.terms.some(({ at }) => at === dimension))) continue
      return {
        ...{ node, dimension, word: a.word, base: b.base },
        guards: node.guards.filter((g) => g !== guard),
        items: size(node.shape) / node.shape[dimension]!,
        start: { ...node, box: node.box.map(() => 0), guards: [], reads: [] },
      }
    }
  }
  return undefined
}
