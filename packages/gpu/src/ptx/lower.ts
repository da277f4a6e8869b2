import { type Node, size } from '@lockstep/tensor'
import { foldLaunches } from './fold-kernel.ts'
import type { PtxTarget } from './kernel-text.ts'
import type { Launch } from './launch.ts'
import { mapLaunch } from './map-kernel.ts'
import { productLaunches } from './product-kernel.ts'
import { scatterLaunches } from './scatter-kernel.ts'

/** The kernels of one node, in order. Entries are named after `name`. */
export const nodeLaunches = (node: Node, name: string, target: PtxTarget): Launch[] => {
  if (size(node.shape) >= 2 ** 31) throw new RangeError('a tensor has fewer than 2^31 elements')
  if (node.kind === 'map') return [mapLaunch(node, name)]
  return productLaunches(node, name, target) ?? scatterLaunches(node, name) ?? foldLaunches(node, name)
}
