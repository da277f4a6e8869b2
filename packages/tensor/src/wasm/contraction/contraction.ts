import type { FoldNode } from '../../node.ts'
import type { Fma } from '../fma.ts'
import type { Phase } from '../phase.ts'
import { isPackable, packedPhase } from './packed.ts'
import { type Plan, planOf } from './plan.ts'
import { isSkinny, skinnyPhase } from './skinny.ts'

/** The kernel of a sum of products, if the node is one that is worth a kernel of its own. */
export const contractionPhase = (node: FoldNode, fma: Fma): Phase | undefined => {
  const plan = worthwhile(node)
  return plan && (isSkinny(plan) ? skinnyPhase(plan, fma) : packedPhase(node, plan, fma))
}

/** Whether the node is such a sum of products. */
export const isContraction = (node: FoldNode): boolean => worthwhile(node) !== undefined

const worthwhile = (node: FoldNode): Plan | undefined => {
  const plan = planOf(node)
  return plan && (isSkinny(plan) || isPackable(plan)) ? plan : undefined
}
