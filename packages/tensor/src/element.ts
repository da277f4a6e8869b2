import type { Dtype } from './dtype.ts'
import {
  type Affine,
  BLOCK,
  type Bound,
  type FoldNode,
  type Guard,
  isWordCoord,
  type MapNode,
  type Node,
  type Read,
  type Ref,
  type WordRead,
} from './node.ts'
import { type CompiledScalar, compileScalar } from './scalar/reference.ts'
import { size, unravel } from './shape.ts'

/**
 * The meaning of nodes, one element at a time, over any source of words: whole tensors (reference.ts) or the few
 * leaves that a dispute opens. Slow and obviously right; every other executor is compared with this file.
 */

/** Gives the loaded register word of element `position` of a tensor, whose dtype the reader states. */
export type WordSource = (ref: Ref, dtype: Dtype, position: number) => number

export const affineAt = (form: Affine, point: readonly number[]): number => {
  let value = form.base
  for (const { at, by } of form.terms) value += by * point[at]!
  return value
}

const wordAt = (read: WordRead, point: readonly number[], source: WordSource): number => {
  let position = 0
  for (let d = 0; d < read.view.length; d++)
    position = position * read.view[d]! + affineAt(read.coords[d]!, point)
  return source(read.ref, read.dtype, position)
}

/** One read at one point of the iteration space: the element's register word, or the pad. */
export const readAt = (read: Read, point: readonly number[], source: WordSource): number => {
  if (read.pad !== undefined && isOutside(read, point)) return read.pad
  let position = 0
  for (let d = 0; d < read.view.length; d++) {
    const coord = read.coords[d]!
    const extent = read.view[d]!
    const at = isWordCoord(coord)
      ? Math.min(wordAt(coord.word, point, source), extent - 1)
      : affineAt(coord, point)
    position = position * extent + at
  }
  return source(read.ref, read.dtype, position)
}

type Reader = (point: readonly number[]) => number

/** readAt for many points: where neither words nor padding decide, the position itself is one affine form. */
const readerOf = (read: Read, source: WordSource): Reader => {
  if (read.pad !== undefined || read.coords.some(isWordCoord)) return (point) => readAt(read, point, source)
  const position = raveled(read)
  return (point) => source(read.ref, read.dtype, affineAt(position, point))
}

const raveled = (read: Read): Affine => {
  let base = 0
  const by = new Map<number, number>()
  read.view.forEach((extent, d) => {
    const coord = read.coords[d] as Affine
    base = base * extent + coord.base
    for (const [at, factor] of by) by.set(at, factor * extent)
    for (const term of coord.terms) by.set(term.at, (by.get(term.at) ?? 0) + term.by)
  })
  return { base, terms: [...by].map(([at, factor]) => ({ at, by: factor })) }
}

const isOutside = (read: Read, point: readonly number[]): boolean =>
  read.coords.some((coord, d) => {
    if (isWordCoord(coord)) return false
    const at = affineAt(coord, point)
    return at < 0 || at >= read.view[d]!
  })

export const guardHolds = (guard: Guard, point: readonly number[], source: WordSource): boolean => {
  const left = boundAt(guard.left, point, source)
  const right = boundAt(guard.right, point, source)
  return guard.test === 'lt' ? left < right : left === right
}

const boundAt = (bound: Bound, point: readonly number[], source: WordSource): number =>
  'word' in bound ? wordAt(bound.word, point, source) : affineAt(bound, point)

/** A map's element before it is stored: the register word of its program's result. */
export const mapElement = (node: MapNode, point: readonly number[], source: WordSource): number =>
  runnerOf(node, source).run(undefined, point)

/** The accumulator after the step at `point` (output coordinates, then box coordinates). */
export const foldStep = (
  node: FoldNode,
  acc: number,
  point: readonly number[],
  source: WordSource,
): number => {
  for (const guard of node.guards) if (!guardHolds(guard, point, source)) return acc
  return runnerOf(node, source).run(acc, point)
}

/** A node's program made ready to read from one source. */
type NodeRunner = {
  readonly source: WordSource
  readonly run: (acc: number | undefined, point: readonly number[]) => number
}

const runners = new WeakMap<Node, NodeRunner>() // each node's latest
const runnerOf = (node: Node, source: WordSource): NodeRunner => {
  const known = runners.get(node)
  if (known?.source === source) return known
  const program = compileScalar(node.kind === 'map' ? node.program : node.step)
  const readers = node.reads.map((read) => readerOf(read, source))
  const before = node.kind === 'map' ? 0 : 1 // a fold's first argument is its accumulator
  const args = new Array<number>(before + readers.length).fill(0)
  const run: NodeRunner['run'] = (acc, point) => {
    if (acc !== undefined) args[0] = acc
    for (let r = 0; r < readers.length; r++) args[before + r] = readers[r]!(point)
    return program(args, point)
  }
  const made = { source, run }
  runners.set(node, made)
  return made
}

/** The accumulator before the first step of an element of a fold. `out` holds its output (for a scan: outer) coordinates. */
export const foldInit = (node: FoldNode, out: readonly number[], source: WordSource): number => {
  const { init } = node.order
  return typeof init === 'number' ? init : readAt(init, out, source)
}

/** How many output coordinates come before the box in the iteration space. */
export const outerRank = (node: FoldNode): number =>
  node.order.kind === 'scan' ? node.shape.length - node.box.length : node.shape.length

/**
 * Folds flattened k in [from, to) starting at `acc`; `each` sees every accumulator. `out` as in foldInit.
 * Gives the last accumulator.
 */
export const foldRun = (
  node: FoldNode,
  out: readonly number[],
  from: number,
  to: number,
  acc: number,
  source: WordSource,
  each?: (acc: number, k: number) => void,
): number => {
  const outer = outerRank(node)
  const point = out.slice(0, outer)
  let value = acc
  for (let k = from; k < to; k++) {
    unravel(k, node.box, point, outer)
    value = foldStep(node, value, point, source)
    each?.(value, k)
  }
  return value
}

/** Combines block results, recursively in runs of BLOCK, until one remains. */
export const combineBlocks = (node: FoldNode, results: readonly number[]): number => {
  if (node.order.kind !== 'blocked') throw new Error('only a blocked fold has block results')
  let level = results
  while (level.length > 1) level = combineLevel(node, level)
  return level[0] ?? node.order.init
}

/** One level of combining: runs of BLOCK results, each folded ascending from init. */
export const combineLevel = (node: FoldNode, results: readonly number[]): number[] => {
  const next: number[] = []
  for (let from = 0; from < results.length; from += BLOCK) {
    let acc = node.order.init as number
    for (let i = from; i < Math.min(from + BLOCK, results.length); i++)
      acc = combineStep(node, acc, results[i]!)
    next.push(acc)
  }
  return next
}

export const combineStep = (node: FoldNode, acc: number, result: number): number =>
  combineProgram(node)([acc, result], [])

/** The results of a blocked fold's runs of BLOCK steps at one output element. */
export const blockResults = (node: FoldNode, out: readonly number[], source: WordSource): number[] => {
  const k = size(node.box)
  const init = node.order.init as number
  const results: number[] = []
  for (let from = 0; from < k; from += BLOCK) {
    results.push(foldRun(node, out, from, Math.min(from + BLOCK, k), init, source))
  }
  return results
}

/** A fold's final accumulator at one output element (not for a scan, whose every accumulator is an element). */
export const foldElement = (node: FoldNode, out: readonly number[], source: WordSource): number =>
  node.order.kind === 'blocked'
    ? combineBlocks(node, blockResults(node, out, source))
    : foldRun(node, out, 0, size(node.box), foldInit(node, out, source), source)

const combinePrograms = new WeakMap<FoldNode, CompiledScalar>()
const combineProgram = (node: FoldNode): CompiledScalar => {
  if (node.order.kind !== 'blocked') throw new Error('only a blocked fold has a combine program')
  const known = combinePrograms.get(node)
  if (known) return known
  const made = compileScalar(node.order.combine)
  combinePrograms.set(node, made)
  return made
}
