import {
  type Affine,
  addressOf,
  BLOCK,
  DTYPES,
  type FoldNode,
  type Node,
  type Read,
  size,
} from '@lockstep/tensor'

/** Elements of an item's tile along either dimension. */
export const TILE = 4
/**
 * Elements along either dimension of what a workgroup computes together, and steps whose factors it brings into its memory
 * at a time: 64 items of one tile each. Rows of factors there are 36 words apart, so that few items meet in a bank.
 */
export const SIDE = 32
export const DEPTH = 16
export const APART = 36

/**
 * A sum of products whose two factors move along different output dimensions: an item computes a tile of outputs and loads
 * each factor once for a whole side of it. The order of every element's sum stays.
 */
export type Tile = {
  readonly node: FoldNode
  /** The output dimension along which only the first factor moves, and that of the second. */
  readonly rows: number
  readonly columns: number
  readonly factors: readonly [Factor, Factor]
  readonly items: number
}
export type Factor = {
  readonly read: Read
  /** The part of the address that output coordinates make, and the part that the box makes. */
  readonly outer: Affine
  readonly inner: Affine
}

/** The tile of a node, where it is such a sum. */
export const tileOf = (node: Node): Tile | undefined => {
  if (node.kind !== 'fold' || node.order.kind !== 'blocked' || node.guards.length > 0) return undefined
  if (DTYPES[node.dtype].bytes !== 4 || node.reads.length !== 2) return undefined
  const { args, code, result } = node.step
  const [only] = code
  if (code.length !== 1 || only?.op !== 'fma' || result !== args.length || only.args[2] !== 0)
    return undefined
  if (only.args[0] === only.args[1] || only.args[0] === 0 || only.args[1] === 0) return undefined
  const points = size(node.box)
  if (points === 0 || points > BLOCK * BLOCK) return undefined
  const outer = node.shape.length
  const factors: Factor[] = []
  for (const read of node.reads) {
    const address = read.pad === undefined ? addressOf(read) : undefined
    if (!address) return undefined
    factors.push({
      read,
      outer: { base: address.base, terms: address.terms.filter(({ at }) => at < outer) },
      inner: { base: 0, terms: address.terms.filter(({ at }) => at >= outer) },
    })
  }
  const [first, second] = factors as [Factor, Factor]
  const moves = (f: Factor, d: number): boolean => f.outer.terms.some(({ at }) => at === d)
  const largest = (a: Factor, b: Factor): number | undefined =>
    [...node.shape.keys()]
      .filter((d) => node.shape[d]! >= TILE && moves(a, d) && !moves(b, d))
      .sort((x, y) => node.shape[y]! - node.shape[x]!)[0]
  const [rows, columns] = [largest(first, second), largest(second, first)]
  if (rows === undefined || columns === undefined) return undefined
  const items = node.shape.reduce((n, e, d) => n * (d === rows || d === columns ? Math.ceil(e / TILE) : e), 1)
  return { node, rows, columns, factors: [first, second], items }
}

/** Whether a product is large enough that a workgroup computes its tiles together. */
export const isLarge = ({ node, rows, columns }: Tile): boolean =>
  node.shape[rows]! >= SIDE && node.shape[columns]! >= SIDE && size(node.box) >= DEPTH

/** Workgroups of such a product. */
export const groupsOf = ({ node, rows, columns }: Tile): number =>
  node.shape.reduce((n, e, d) => n * (d === rows || d === columns ? Math.ceil(e / SIDE) : e), 1)
