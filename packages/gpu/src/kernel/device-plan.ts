import {
  type Affine,
  type Arena,
  DTYPES,
  type FoldNode,
  type MapNode,
  type Node,
  outerRank,
  type Plan,
  type Program,
  planArena,
  type Ref,
  rangeOf,
  refsOf,
  size,
  withRefs,
} from '@lockstep/tensor'

/**
 * A step as a list of kernels over one block of device memory. Nothing here knows a device's language: the printers of
 * WGSL and of PTX both start from it.
 */
export type DevicePlan = {
  readonly program: Program
  /** Where every tensor lies in the block, in bytes, by parity of the step. */
  readonly arena: Arena
  /** Distinct pieces of code: nodes that differ only in whom they read share one. */
  readonly kernels: readonly Kernel[]
  /** In the order of the plan's nodes. Each sees what those before it have written. */
  readonly launches: readonly Launch[]
}

/**
 * What one launch of a kernel does: item i computes elements [i * each, (i + 1) * each) of the output and nothing else
 * writes them, so that elements narrower than a word need no atomic writes. An item of a scan computes a whole run of its
 * box. `node` has slots for sources: its refs are all { from: 'node', index: slot }.
 */
export type Kernel = {
  readonly kind: 'map' | 'fold' | 'scan'
  readonly node: Node
  readonly slots: number
  readonly items: number
  readonly each: number
}

export type Launch = {
  readonly kernel: number
  /** Which node of the plan's program it computes. */
  readonly node: number
  /** Byte offsets by parity: the output, then every slot's source. */
  readonly places: readonly (readonly number[])[]
}

/** What a plan's launches are, and where their tensors lie; the first byte of them is `start`. */
export const planDevice = (plan: Plan, start = 0): DevicePlan => {
  const { program } = plan
  const arena = planArena(program, { start, writesOnce: () => true })
  const kernels: Kernel[] = []
  const known = new Map<string, number>()
  const launches = program.nodes.map((node, i): Launch => {
    const { slotted, refs } = withSlots(node)
    const key = JSON.stringify(slotted)
    let kernel = known.get(key)
    if (kernel === undefined) {
      kernel = kernels.length
      known.set(key, kernel)
      kernels.push(kernelOf(slotted, refs.length))
    }
    const places = arena.nodes.map((nodes, parity) => [
      nodes[i]!,
      ...refs.map((ref) => placeOf(arena, parity, ref)),
    ])
    return { kernel, node: i, places }
  })
  return { program, arena, kernels, launches }
}

/** Where a tensor lies during a step of this parity. */
export const placeOf = (arena: Arena, parity: number, ref: Ref): number =>
  ref.from === 'input'
    ? arena.inputs[ref.index]!
    : arena[ref.from === 'node' ? 'nodes' : 'state'][parity]![ref.index]!

const kernelOf = (node: MapNode | FoldNode, slots: number): Kernel => {
  const elements = size(node.shape)
  if (node.kind === 'fold' && node.order.kind === 'scan') {
    const runs = size(node.shape.slice(0, outerRank(node)))
    return { kind: 'scan', node, slots, items: size(node.box) === 0 ? 0 : runs, each: size(node.box) }
  }
  const each = 4 / DTYPES[node.dtype].bytes
  return { kind: node.kind, node, slots, items: Math.ceil(elements / each), each }
}

/** The node with its sources numbered in order of first use, and those sources. */
const withSlots = (node: Node): { readonly slotted: Node; readonly refs: readonly Ref[] } => {
  const refs: Ref[] = []
  const slotOf = (ref: Ref): number => {
    const found = refs.findIndex((r) => r.from === ref.from && r.index === ref.index)
    return found >= 0 ? found : refs.push(ref) - 1
  }
  refsOf(node).forEach(slotOf)
  return { slotted: withRefs(node, (ref) => ({ from: 'node', index: slotOf(ref) })), refs }
}

/**
 * Whether a form fits into signed 32 bits at every point. Addresses do not ask: computed modulo 2^32 they are exact,
 * because every address is below 2^31. What is compared asks: coordinates of padded reads and the sides of guards.
 */
export const isNarrow = (form: Affine, space: readonly number[]): boolean => {
  if (space.includes(0)) return true // no step ever looks at it
  const [low, high] = rangeOf(form, space)
  return low >= -(2 ** 31) && high < 2 ** 31
}
