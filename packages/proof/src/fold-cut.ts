import { BLOCK, type FoldNode, size } from '@lockstep/tensor'
import { treeHeight } from './tree.ts'

/**
 * How the accumulators of one element of a fold are cut into vectors that fit one move. See docs/disputes.md, "Folds".
 */

/** How many entries each level of a blocked fold has: K, ceil(K / 256), ... until 1. */
export const levelCounts = (points: number): number[] => {
  const counts = [points]
  while (counts[counts.length - 1]! > 1) counts.push(Math.ceil(counts[counts.length - 1]! / BLOCK))
  return counts
}

/** A range of consecutive entries. */
export type Range = { readonly from: number; readonly to: number }

/** The accumulators after from + stride, from + 2 stride, ..., to. */
export type Run = Range & { readonly stride: number }

/** A value of a blocked fold: entry `index` of level `level`. Level 1 has the results of runs of steps. */
export type BlockValue = { readonly level: number; readonly index: number }

/** Which entries of the level below a block value combines (of level 1: which steps it folds). */
export const rangeBelow = (counts: readonly number[], { level, index }: BlockValue): Range => ({
  from: index * BLOCK,
  to: Math.min((index + 1) * BLOCK, counts[level - 1]!),
})

/** The run that shows how `to` follows from `from`: the least power of 256 as stride that leaves at most 256 words. */
export const runOver = ({ from, to }: Range): Run => {
  let stride = 1
  while (Math.ceil((to - from) / stride) > BLOCK) stride *= BLOCK
  return { from, to, stride }
}

/** d, where the stride is 256^d. */
export const strideLevel = ({ stride }: Run): number => treeHeight(stride) / 8

export const runLength = ({ from, to, stride }: Run): number => Math.ceil((to - from) / stride)

/** The steps behind word `index` of a run. */
export const rangeOfWord = (run: Run, index: number): Range => ({
  from: run.from + index * run.stride,
  to: Math.min(run.from + (index + 1) * run.stride, run.to),
})

/** Where the dispute about an element of a fold begins: all steps as one run, or a value to be combined. */
export const topOf = (node: FoldNode): Range | BlockValue => {
  const points = size(node.box)
  if (node.order.kind !== 'blocked' || points <= BLOCK) return { from: 0, to: points }
  return { level: levelCounts(points).length - 1, index: 0 }
}
