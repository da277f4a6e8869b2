import {
  canonicalF32,
  combineStep,
  DTYPES,
  type FoldNode,
  foldInit,
  foldRun,
  outerRank,
  size,
  unravel,
  type WordSource,
} from '@lockstep/tensor'
import { type BlockValue, levelCounts, type Run, rangeBelow, runLength } from './fold-cut.ts'

/** The output coordinates of an element of a fold that is not a scan. */
const coordinatesOf = (node: FoldNode, element: number): number[] => {
  const out: number[] = []
  unravel(element, node.shape.slice(0, outerRank(node)), out)
  return out
}

/** The first accumulator as it is posted: a NaN is the one NaN, whatever pattern the program has for it. */
const postedInit = (node: FoldNode, out: readonly number[], source: WordSource): number => {
  const init = foldInit(node, out, source)
  return DTYPES[node.dtype].register === 'f' ? canonicalF32(init) : init
}

/** The accumulators that a run posts. `acc` is the one before it, undefined where the run begins with init. */
export const runWords = (
  node: FoldNode,
  element: number,
  run: Run,
  acc: number | undefined,
  source: WordSource,
): Uint32Array => {
  const out = coordinatesOf(node, element)
  const words = new Uint32Array(runLength(run))
  const { from, to, stride } = run
  foldRun(node, out, from, to, acc ?? postedInit(node, out, source), source, (value, k) => {
    if ((k + 1 - from) % stride === 0 || k + 1 === to) words[Math.ceil((k + 1 - from) / stride) - 1] = value
  })
  return words
}

/** The entries below a value of a blocked fold, each followed by the accumulator after it. */
export const combineWords = (
  node: FoldNode,
  element: number,
  value: BlockValue,
  source: WordSource,
): Uint32Array => {
  const counts = levelCounts(size(node.box))
  const { from, to } = rangeBelow(counts, value)
  const words = new Uint32Array(2 * (to - from))
  let acc = postedInit(node, [], source)
  for (let i = from; i < to; i++) {
    const result = blockValue(node, element, { level: value.level - 1, index: i }, counts, source)
    acc = combineStep(node, acc, result)
    words.set([result, acc], 2 * (i - from))
  }
  return words
}

const blockValue = (
  node: FoldNode,
  element: number,
  value: BlockValue,
  counts: readonly number[],
  source: WordSource,
): number => {
  const { from, to } = rangeBelow(counts, value)
  let acc = postedInit(node, [], source)
  if (value.level === 1) return foldRun(node, coordinatesOf(node, element), from, to, acc, source)
  for (let i = from; i < to; i++) {
    acc = combineStep(
      node,
      acc,
      blockValue(node, element, { level: value.level - 1, index: i }, counts, source),
    )
  }
  return acc
}
