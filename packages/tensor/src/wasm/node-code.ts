import type { Node } from '../node.ts'
import { contractionPhases, isContraction } from './contraction/contraction.ts'
import type { Fma } from './fma.ts'
import { foldPhase } from './fold-kernel.ts'
import { mapPhase, mapsOnce } from './map-kernel.ts'
import type { Phase } from './phase.ts'
import { isScatter, scatterPhases } from './scatter-kernel.ts'

/** The kernels of one node, chosen by its shape alone. `mayShare`: they may share memory among all threads. */
export const nodePhases = (node: Node, fma: Fma, mayShare: boolean): Phase[] => {
  if (node.kind === 'map') return [mapPhase(node, fma)]
  return contractionPhases(node, fma, mayShare) ?? scatterPhases(node, fma) ?? [foldPhase(node, fma)]
}

export type NodeKind = 'map' | 'contraction' | 'scatter' | 'fold'

/** The kind of kernel that `nodePhases` chooses. */
export const nodeKind = (node: Node): NodeKind => {
  if (node.kind === 'map') return 'map'
  return isContraction(node) ? 'contraction' : isScatter(node) ? 'scatter' : 'fold'
}

/**
 * Whether its kernels write each element after all reads of it, so that a node may be written over what it reads at the
 * element it writes. A scatter is: its init may be taken twice, but not its steps.
 */
export const writesOnce = (node: Node): boolean =>
  node.kind === 'map' ? mapsOnce(node) : nodeKind(node) === 'scatter'
