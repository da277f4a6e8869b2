import type { FoldNode } from '@lockstep/tensor'
import type { PtxTarget } from './kernel-text.ts'
import type { Launch } from './launch.ts'
export const productLaunches = (_node: FoldNode, _name: string, _target: PtxTarget): Launch[] | undefined =>
  undefined
