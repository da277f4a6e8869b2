import { type Node, type Ref, size } from '@lockstep/tensor'
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

/** A node apart from whom it reads: its sources become inputs 0, 1, ... in the order in which `refs` names them. */
export const withoutNames = (node: Node): { readonly key: string; readonly refs: readonly Ref[] } => {
  const refs: Ref[] = []
  const slot = (ref: Ref): Ref => {
    let index = refs.findIndex((r) => r.from === ref.from && r.index === ref.index)
    if (index < 0) index = refs.push(ref) - 1
    return { from: 'input', index }
  }
  const key = JSON.stringify(node, (field, value) =>
    field === 'ref' ? slot(value as Ref) : (value as unknown),
  )
  return { key, refs }
}
