import { DTYPES } from './dtype.ts'
import type { Node } from './node.ts'
import type { Program, TensorType } from './program.ts'
import { size } from './shape.ts'

/** What one step of a program costs, known before it runs because programs are static. */
export type Estimate = {
  /** Scalar instructions executed, reads counted as one each; guards are counted as if they held. */
  readonly work: number
  /** Bytes of the state, of the inputs, and of all node outputs of one step (an upper bound: executors reuse). */
  readonly state: number
  readonly inputs: number
  readonly nodes: number
}

export const estimateProgram = (program: Program): Estimate => ({
  work: program.nodes.reduce((sum, node) => sum + nodeWork(node), 0),
  state: totalBytes(program.state),
  inputs: totalBytes(program.inputs),
  nodes: totalBytes(program.nodes),
})

export const tensorBytes = (type: TensorType): number => size(type.shape) * DTYPES[type.dtype].bytes

const totalBytes = (types: readonly TensorType[]): number =>
  types.reduce((sum, type) => sum + tensorBytes(type), 0)

const nodeWork = (node: Node): number => {
  if (node.kind === 'map') return size(node.shape) * (node.reads.length + node.program.code.length)
  const points = node.order.kind === 'scan' ? size(node.shape) : size(node.shape) * size(node.box)
  return points * (node.reads.length + node.step.code.length)
}
