import type { FoldNode } from '../../node.ts'
import type { Fma } from '../fma.ts'
import type { Phase } from '../phase.ts'
import { packedPhase } from './packed.ts'
import { planOf } from './plan.ts'

/** The kernel of a sum of products, if the node is one. */
export const contractionPhase = (node: FoldNode, fma: Fma): Phase | undefined => {
  const plan = planOf(node)
  return plan && packedPhase(node, plan, fma)
}

/** Whether the node is a sum of products. */
export const isContraction = (node: FoldNode): boolean => planOf(node) !== undefined
