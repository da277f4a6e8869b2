import { f32Tensor } from '@lockstep/models'
import {
  type FoldNode,
  isWordCoord,
  type NamedType,
  type Program,
  type Read,
  type Tensor,
} from '@lockstep/tensor'

/**
 * A program of a step's matrix products alone: every fold of two reads whose step is one multiply-add, with the same
 * shapes, layouts and guards, read from inputs. What a whole step takes beyond it is everything else.
 */
export const bareProducts = (program: Program): { program: Program; flops: number } => {
  const inputs: NamedType[] = []
  const known = new Map<string, number>()
  /** Products that read one tensor read one input here too: the caches see what they see in the step. */
  const inputOf = ({ ref, dtype, view }: Pick<Read, 'ref' | 'dtype' | 'view'>): Read['ref'] => {
    const key = `${ref.from} ${ref.index}`
    let index = known.get(key)
    if (index === undefined) {
      index = inputs.push({ name: `x${inputs.length}`, dtype, shape: view }) - 1
      known.set(key, index)
    }
    return { from: 'input', index }
  }
  const nodes = program.nodes.filter(isProduct).map(
    (node): FoldNode => ({
      ...node,
      reads: node.reads.map((read) => ({ ...read, ref: inputOf(read) })),
    }),
  )
  const outputs = nodes.map((_, index) => ({ name: `y${index}`, ref: { from: 'node', index } as const }))
  const flops = nodes.reduce((sum, node) => sum + 2 * extent(node.shape) * extent(node.box), 0)
  return { program: { state: [], inputs, nodes, next: [], outputs }, flops }
}

/** Inputs of that program: numbers of ordinary size. */
export const bareInputs = (program: Program): Tensor[] =>
  program.inputs.map(({ shape, dtype }) => {
    if (dtype !== 'f32') throw new Error(`a product reads ${dtype}; allowed: f32`)
    return f32Tensor(
      shape,
      Float32Array.from({ length: extent(shape) }, (_, i) => ((i * 7919) % 1000) / 1000 - 0.5),
    )
  })

const isProduct = (node: Program['nodes'][number]): node is FoldNode =>
  node.kind === 'fold' &&
  node.reads.length === 2 &&
  node.step.code.length === 1 &&
  node.step.code[0]!.op === 'fma' &&
  node.order.kind === 'blocked' &&
  node.reads.every((read) => !read.coords.some(isWordCoord)) &&
  node.guards.every(({ left, right }) => !('word' in left) && !('word' in right)) &&
  extent(node.box) > 1 &&
  hasOwn(node, 0) &&
  hasOwn(node, 1)

/** Whether one factor varies along a dimension of the result that the other does not see: rows, or columns. */
const hasOwn = ({ shape, reads }: FoldNode, which: 0 | 1): boolean => {
  const sees = (read: Read, d: number): boolean =>
    read.coords.some((c) => !isWordCoord(c) && c.terms.some(({ at }) => at === d))
  return shape.some((size, d) => size > 1 && sees(reads[which]!, d) && !sees(reads[1 - which]!, d))
}

const extent = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1)
