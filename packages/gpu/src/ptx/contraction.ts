import {
  addressOf,
  BLOCK,
  type Dtype,
  type FoldNode,
  isProduct,
  type Read,
  type Ref,
  size,
} from '@lockstep/tensor'
import { isPlain, spaceOf } from './space.ts'

/** One factor of a product: where its element of (batch, row or column, k) lies, in elements. */
export type Factor = {
  readonly ref: Ref
  readonly dtype: Dtype
  readonly base: number
  /** By every batch coordinate. */
  readonly batch: readonly number[]
  /** By the row of the left factor, by the column of the right one. */
  readonly along: number
  readonly k: number
}

/**
 * A blocked sum of products of two tensors as a batch of matrix products: out[batch, m, n] = sum over k of
 * left[batch, m, k] * right[batch, n, k], in the canonical blocks.
 */
export type Contraction = {
  readonly node: FoldNode
  readonly batch: readonly number[]
  readonly m: number
  readonly n: number
  readonly depth: number
  readonly left: Factor
  readonly right: Factor
  /** Where the output's element lies, in elements. */
  readonly out: { readonly batch: readonly number[]; readonly m: number; readonly n: number }
  readonly blocks: number
  /** A step runs only where base + m * row + n * column + k * k > 0. Either k or n is 0, and k is at most 1 or -1. */
  readonly guard:
    | { readonly base: number; readonly m: number; readonly n: number; readonly k: number }
    | undefined
}

/** Whether a sum starts at -0 and adds block results: then blocks in which no step runs may be left out. */
const leavesOutBlocks = ({ order }: FoldNode): boolean => {
  if (order.kind !== 'blocked' || order.init !== 0x80000000) return false
  const { code, result } = order.combine
  const [add] = code
  return code.length === 1 && result === 2 && add?.op === 'fadd' && new Set(add.args).size === 2
}

/** The node as a batch of matrix products; undefined where it is none or is too small to be worth tiles. */
export const contractionOf = (node: FoldNode): Contraction | undefined => {
  if (node.order.kind !== 'blocked' || !isProduct(node) || node.guards.length > 1) return undefined
  const { step, reads } = node
  if (reads.length !== 2 || step.code.length !== 1 || !reads.every(isPlain)) return undefined
  const [fma] = step.code
  if (!fma || !('args' in fma) || new Set(fma.args).size !== 3) return undefined
  if (step.args.some((r) => r !== 'f')) return undefined
  const space = spaceOf(node)
  if (space.box.length !== 1) return undefined
  const rank = space.outer.length
  const forms = reads.map((r: Read) => space.form(addressOf(r)!))
  const [x, y] = forms as [(typeof forms)[0], (typeof forms)[0]]
  const own = (f: typeof x, g: typeof x): number[] =>
    [...space.outer.keys()].filter((d) => f.by[d] !== 0 && g.by[d] === 0)
  const largest = (dims: number[]): number | undefined =>
    dims.sort((a, b) => space.outer[b]! - space.outer[a]! || b - a)[0]
  const ofX = largest(own(x, y))
  const ofY = largest(own(y, x))
  if (ofX === undefined || ofY === undefined) return undefined
  // Columns are what lies together in the output.
  const swapped = ofX > ofY
  const [rows, columns] = swapped ? [ofY, ofX] : [ofX, ofY]
  const [l, r] = swapped ? [1, 0] : [0, 1]
  const others = [...space.outer.keys()].filter((d) => d !== rows && d !== columns)
  const factor = (i: number, along: number): Factor => ({
    ref: reads[i]!.ref,
    dtype: reads[i]!.dtype,
    base: forms[i]!.base,
    batch: others.map((d) => forms[i]!.by[d]!),
    along: forms[i]!.by[along]!,
    k: forms[i]!.by[rank]!,
  })
  const stride = (d: number): number => size(space.outer.slice(d + 1))
  const [m, n, depth] = [space.outer[rows]!, space.outer[columns]!, space.box[0]!]
  if (m < 16 || n < 16 || depth < 8) return undefined
  let guard: Contraction['guard']
  const [asked] = node.guards
  if (asked) {
    const { test, left, right } = asked
    if (test !== 'lt' || 'word' in left || 'word' in right || !leavesOutBlocks(node)) return undefined
    const [a, b] = [space.form(left), space.form(right)]
    const by = (d: number): number => b.by[d]! - a.by[d]!
    guard = { base: b.base - a.base, m: by(rows), n: by(columns), k: by(rank) }
    const reach = Math.abs(guard.base) + Math.abs(guard.m) * (m + 128) + Math.abs(guard.n) * (n + 128)
    if (others.some((d) => by(d) !== 0) || reach >= 2 ** 30) return undefined
    if (guard.k !== 0 && (Math.abs(guard.k) !== 1 || guard.n !== 0)) return undefined
  }
  return {
    node,
    guard,
    batch: others.map((d) => space.outer[d]!),
    m,
    n,
    depth,
    left: factor(l, rows),
    right: factor(r, columns),
    out: { batch: others.map(stride), m: stride(rows), n: stride(columns) },
    blocks: Math.ceil(depth / BLOCK),
  }
}

/** How a product is cut into blocks of threads. */
export type Tiling = { readonly rows: number; readonly columns: number; readonly split: boolean }

const MULTIPROCESSORS = 132
/** Multiply-adds of a multiprocessor, and bytes that all of them move, in one clock; roughly those of an H100. */
const FMA_A_CLOCK = 128
const BYTES_A_CLOCK = 1700
const LAUNCH_CLOCKS = 4000

/**
 * The tiling that keeps a large card busiest, by a count of clocks: large tiles read less, small ones and splitting over
 * whole blocks of k leave fewer multiprocessors idle. The bits do not depend on it.
 */
export const tilingOf = ({ m, n, depth, batch, blocks }: Contraction): Tiling => {
  const matrices = size(batch)
  let best: { tiling: Tiling; clocks: number } | undefined
  for (const [side, share] of [
    [128, 1],
    [64, 0.8],
  ] as const)
    for (const split of [false, true]) {
      if (split ? blocks === 1 || m * n * matrices * blocks >= 2 ** 29 : blocks > BLOCK) continue
      const tiles = Math.ceil(m / side) * Math.ceil(n / side) * matrices * (split ? blocks : 1)
      if (tiles >= 2 ** 31) continue
      const work = (side * side * (split ? BLOCK : depth)) / FMA_A_CLOCK / share
      // A small tile alone has too few warps for all of a multiprocessor.
      const alone = side === 64 ? 2 * work : work
      const traffic = split ? (8 * m * n * matrices * blocks) / BYTES_A_CLOCK + LAUNCH_CLOCKS : 0
      const clocks = Math.max(alone, Math.ceil(tiles / MULTIPROCESSORS) * work) + traffic
      if (!best || clocks < best.clocks) best = { tiling: { rows: side, columns: side, split }, clocks }
    }
  if (!best) throw new Error('a product has a tiling')
  return best.tiling
}
