import type { FoldNode } from '../../node.ts'
import type { Fma } from '../fma.ts'
import type { Phase } from '../phase.ts'
import { byBlocks, sharesBlocks } from './by-blocks.ts'
import { isPackable, packedPhases } from './packed.ts'
import { type Plan, planOf } from './plan.ts'
import { isSkinny, skinnyPhase } from './skinny.ts'

/** The kernels of a sum of products, if the node is one that is worth kernels of its own. */
export const contractionPhases = (node: FoldNode, fma: Fma, mayShare: boolean): Phase[] | undefined => {
  const plan = worthwhile(node)
  if (!plan || !isSkinny(plan)) return plan && packedPhases(node, plan, fma, mayShare)
  return mayShare && sharesBlocks(plan, fma) ? byBlocks(plan, fma) : [skinnyPhase(plan, fma)]
}

/** Whether the node is such a sum of products. */
export const isContraction = (node: FoldNode): boolean => worthwhile(node) !== undefined

const worthwhile = (node: FoldNode): Plan | undefined => {
  const plan = planOf(node)
  return plan && (isSkinny(plan) || isPackable(plan)) ? plan : undefined
}
