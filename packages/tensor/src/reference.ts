import { DTYPES } from './dtype.ts'
import { foldElement, foldInit, foldRun, mapElement, outerRank, type WordSource } from './element.ts'
import type { Executor, Runner } from './executor.ts'
import type { Node, Ref } from './node.ts'
import type { Program, Tensor } from './program.ts'
import { loadElement, storeElement } from './scalar/convert.ts'
import { size, unravel } from './shape.ts'

/** The executor that defines the meaning in code: plain loops over element.ts, one node after another. */
export const referenceExecutor: Executor = {
  name: 'reference',
  compile: async (program, inputs) => new ReferenceRunner(program, inputs),
  close: async () => {},
}

class ReferenceRunner implements Runner {
  readonly #program: Program
  #inputs: readonly Tensor[]
  #state: readonly Tensor[] = []
  #outputs: readonly Tensor[] = []

  constructor(program: Program, inputs: readonly Tensor[]) {
    this.#program = program
    this.#inputs = inputs
  }

  load(state: readonly Tensor[]): void {
    this.#state = state.map(copyTensor)
    this.#outputs = []
  }

  give(inputs: readonly Tensor[]): void {
    this.#inputs = inputs
  }

  async step(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) await this.trace()
  }

  async trace(): Promise<Tensor[]> {
    const { nodes, outputs, next } = runStep(this.#program, this.#state, this.#inputs)
    this.#state = next
    this.#outputs = outputs
    return nodes
  }

  state(): Tensor[] {
    return this.#state.map(copyTensor)
  }

  outputs(): Tensor[] {
    return this.#outputs.map(copyTensor)
  }

  close(): void {}
}

/** One step of a program, with every node's output. */
export const runStep = (
  program: Program,
  state: readonly Tensor[],
  inputs: readonly Tensor[],
): { nodes: Tensor[]; next: Tensor[]; outputs: Tensor[] } => {
  const nodes: Tensor[] = []
  const tensorOf = (ref: Ref): Tensor => tensorAt(ref, nodes, state, inputs)
  const source = tensorSource(tensorOf)
  for (const node of program.nodes) nodes.push(runNode(node, source))
  return {
    nodes,
    next: program.next.map(tensorOf),
    outputs: program.outputs.map(({ ref }) => tensorOf(ref)),
  }
}

/** Words of whole tensors. */
export const tensorSource =
  (tensorOf: (ref: Ref) => Tensor): WordSource =>
  (ref, dtype, position) =>
    loadElement(dtype, tensorOf(ref).data, position)

export const tensorAt = (
  ref: Ref,
  nodes: readonly Tensor[],
  state: readonly Tensor[],
  inputs: readonly Tensor[],
): Tensor => {
  const tensor = (ref.from === 'node' ? nodes : ref.from === 'state' ? state : inputs)[ref.index]
  if (!tensor) throw new Error(`${ref.from} ${ref.index} has no value yet`)
  return tensor
}

/** Every element of one node, over a source that has its inputs. */
export const runNode = (node: Node, source: WordSource): Tensor => {
  const data = new Uint8Array(size(node.shape) * DTYPES[node.dtype].bytes)
  const store = (position: number, word: number): void => storeElement(node.dtype, data, position, word)
  if (node.kind === 'fold' && node.order.kind === 'scan') {
    const outer = node.shape.slice(0, outerRank(node))
    const points = size(node.box)
    const out: number[] = []
    for (let o = 0; o < size(outer); o++) {
      unravel(o, outer, out)
      foldRun(node, out, 0, points, foldInit(node, out, source), source, (acc, k) =>
        store(o * points + k, acc),
      )
    }
  } else {
    const point: number[] = []
    for (let position = 0; position < size(node.shape); position++) {
      unravel(position, node.shape, point)
      store(
        position,
        node.kind === 'map' ? mapElement(node, point, source) : foldElement(node, point, source),
      )
    }
  }
  return { dtype: node.dtype, shape: node.shape, data }
}

export const copyTensor = (tensor: Tensor): Tensor => ({ ...tensor, data: tensor.data.slice() })
