import {
  type Affine,
  addressOf,
  DTYPES,
  type FoldNode,
  isWordCoord,
  type MapNode,
  type Node,
  type Program,
  type Read,
  type Ref,
  rangeOf,
  refsOf,
  size,
} from '@lockstep/tensor'

/**
 * Nodes in a row, folds and maps over the same rows, each of which reads of the others only its own row: one kernel
 * computes them row by row, and what only they read never reaches the device's memory. Softmax and norms are such chains.
 */
export type RowChain = {
  readonly first: number
  readonly count: number
  /** Rows of every member: the product of a few first extents of its shape. */
  readonly rows: number
  /** Members whose tensors are read outside of the chain, by number in the program. */
  readonly kept: readonly number[]
  /** Members that other members read. */
  readonly inside: readonly number[]
  /** Sources from outside whose rows are brought next to the members first, and the elements of a row of each. */
  readonly staged: readonly { readonly ref: Ref; readonly width: number }[]
}

/** Narrower rows leave most of a block's threads without work. */
const LEAST_WIDTH = 64
/** A thread folds one element alone: more steps than this, times the elements of a row, keep the others waiting. */
const STEPS_A_THREAD = 512
const SOURCES = 48

/** All chains of a program whose rows fit into so many words, none overlapping another, in order. */
export const rowChains = (program: Program, words: number): RowChain[] => {
  const last = lastReaders(program)
  const chains: RowChain[] = []
  for (let i = 0; i < program.nodes.length; ) {
    const { shape } = program.nodes[i]!
    let best: RowChain | undefined
    const tried = new Set(shape.map((_, d) => size(shape.slice(0, d + 1))))
    for (const rows of tried) {
      if (rows === 1) continue
      const chain = grow(program, last, i, rows, words)
      if (chain && (!best || chain.count >= best.count)) best = chain
    }
    if (best) chains.push(best)
    i += best?.count ?? 1
  }
  return chains
}

/** By node, the last node that reads it; past the end where a state or an output is it. */
const lastReaders = ({ nodes, next, outputs }: Program): number[] => {
  const last = nodes.map(() => -1)
  nodes.forEach((node, i) => {
    for (const { from, index } of refsOf(node)) if (from === 'node') last[index] = i
  })
  for (const { from, index } of [...next, ...outputs.map((o) => o.ref)])
    if (from === 'node') last[index] = nodes.length
  return last
}

const grow = (
  program: Program,
  last: readonly number[],
  first: number,
  rows: number,
  words: number,
): RowChain | undefined => {
  let staged: RowChain['staged'] = []
  const inside = new Set<number>()
  let found: RowChain | undefined
  let folds = 0
  let width = 0
  for (let i = first; i < program.nodes.length; i++) {
    const node = program.nodes[i]!
    const isMember = (ref: Ref): boolean => ref.from === 'node' && ref.index >= first && ref.index < i
    const local = localReads(node, rows)
    if (!local || node.reads.some((r, k) => isMember(r.ref) && !local[k])) break
    if (othersOf(node).some(isMember)) break
    const isNear = (r: Read, k: number): boolean =>
      isMember(r.ref) || (local[k]! && staged.some((s) => same(s.ref, r.ref)))
    if (i > first && !node.reads.some(isNear)) break
    const widths = node.reads.map((r, k) => (local[k] ? size(r.view) / rows : 0))
    if (node.kind === 'fold') {
      const elements = size(node.shape) / rows
      const points = size(node.box)
      // Each element of a row is folded about once: products, which use theirs again and again, have a kernel of their own.
      if (elements * points > Math.max(0, ...widths) || points > STEPS_A_THREAD * elements) break
      folds++
    }
    node.reads.forEach(({ ref }, k) => {
      if (!local[k] || isMember(ref) || staged.some((s) => same(s.ref, ref))) return
      const wide = node.kind === 'fold' && widths[k]! > 1
      if (wide) staged = [...staged, { ref, width: widths[k]! }]
    })
    for (const { ref } of node.reads) if (isMember(ref)) inside.add(ref.index)
    width = Math.max(width, size(node.shape) / rows, ...widths)
    const taken = [...inside].reduce((n, m) => n + size(program.nodes[m]!.shape) / rows, 0)
    if (staged.reduce((n, s) => n + s.width, taken) > words) break
    const members = Array.from({ length: i - first + 1 }, (_, k) => first + k)
    if (sourcesOf(program, members).length + members.length > SOURCES) break
    if (members.length < 2 || folds === 0 || width < LEAST_WIDTH) continue
    found = {
      ...{ first, count: members.length, rows, staged, inside: [...inside].sort((a, b) => a - b) },
      kept: members.filter((m) => last[m]! > i),
    }
  }
  return found
}

export const membersOf = ({ first, count }: RowChain): number[] =>
  Array.from({ length: count }, (_, k) => first + k)

/** What the members read from outside, each once. */
export const sourcesOf = (program: Program, members: readonly number[]): Ref[] => {
  const refs: Ref[] = []
  for (const m of members)
    for (const ref of refsOf(program.nodes[m]!))
      if (!(ref.from === 'node' && members.includes(ref.index)) && !refs.some((r) => same(r, ref)))
        refs.push(ref)
  return refs
}

const same = (a: Ref, b: Ref): boolean => a.from === b.from && a.index === b.index

/** Sources of a node that it does not simply read: of words, in coordinates and guards. */
const othersOf = (node: Node): Ref[] =>
  refsOf({ ...node, reads: [] } as Node).concat(
    node.reads.flatMap((r) => r.coords.flatMap((c) => (isWordCoord(c) ? [c.word.ref] : []))),
  )

/** For every read of a node with so many rows whether it stays within the row; undefined where the node has no such rows. */
const localReads = (node: MapNode | FoldNode, rows: number): boolean[] | undefined => {
  if (node.kind === 'fold' && (node.order.kind !== 'blocked' || size(node.box) === 0)) return undefined
  if (DTYPES[node.dtype].bytes !== 4) return undefined
  if (leading(node.shape, rows) === undefined) return undefined
  return node.reads.map((read) => isLocal(node, read, rows))
}

/** How many first extents of a shape make so many rows. */
const leading = (shape: readonly number[], rows: number): number | undefined => {
  let product = 1
  for (let d = 0; d < shape.length; d++) {
    product *= shape[d]!
    if (product === rows) return d + 1
    if (product > rows) return undefined
  }
  return undefined
}

/** Whether a read of a node with so many rows stays, in a source with as many rows, within the node's own row. */
export const isLocal = (node: Node, read: Read, rows: number): boolean => {
  const outer = leading(node.shape, rows)
  const elements = size(read.view)
  if (outer === undefined || read.pad !== undefined || elements % rows !== 0) return false
  const address = addressOf(read)
  if (!address) return false
  const width = elements / rows
  let stride = width
  const by = (d: number): number => address.terms.find(({ at }) => at === d)?.by ?? 0
  for (let d = outer - 1; d >= 0; d--) {
    if (node.shape[d]! > 1 && by(d) !== stride) return false
    stride *= node.shape[d]!
  }
  const rest: Affine = { base: address.base, terms: address.terms.filter(({ at }) => at >= outer) }
  const [low, high] = rangeOf(rest, [...node.shape, ...(node.kind === 'fold' ? node.box : [])])
  return low >= 0 && high < width
}
