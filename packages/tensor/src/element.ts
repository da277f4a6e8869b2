import type { Dtype } from './dtype.ts'
import {
  type Affine,
  BLOCK,
  type Bound,
  type FoldNode,
  type Guard,
  isWordCoord,
  type MapNode,
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
export const mapElement = (node: MapNode, point: readonly number[], source: WordSource): number => {
  const args = node.reads.map((read) => readAt(read, point, source))
  return compiled(node.program)(args, point)
}

/** The accumulator after the step at `point` (output coordinates, then box coordinates). */
export const foldStep = (
  node: FoldNode,
  acc: number,
  point: readonly number[],
  source: WordSource,
): number => {
  for (const guard of node.guards) if (!guardHolds(guard, point, source)) return acc
  const args = [acc]
  for (const read of node.reads) args.push(readAt(read, point, source))
  return compiled(node.step)(args, point)
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

export const combineStep = (node: FoldNode, acc: number, result: number): number => {
  if (node.order.kind !== 'blocked') throw new Error('only a blocked fold has a combine program')
  return compiled(node.order.combine)([acc, result], [])
}

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

const compiledPrograms = new WeakMap<object, CompiledScalar>()
const compiled = (program: Parameters<typeof compileScalar>[0]): CompiledScalar => {
  let run = compiledPrograms.get(program)
  if (!run) {
    run = compileScalar(program)
    compiledPrograms.set(program, run)
  }
  return run
}
