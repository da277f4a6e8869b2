import {
  type Affine,
  type Arena,
  DTYPES,
  type Dtype,
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
  typeOf,
  withRefs,
} from '@lockstep/tensor'
import { membersOf, type RowChain, rowChains, sourcesOf } from './row-chain.ts'

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
  /** In the order of the plan's nodes, without members of chains. Each sees what those before it have written. */
  readonly launches: readonly Launch[]
  readonly chainKernels: readonly ChainKernel[]
  /** In order; each runs when its first node would. */
  readonly chains: readonly ChainLaunch[]
}

/**
 * A chain of rows as one kernel. Refs of its nodes are { from: 'node', index: member } and { from: 'input', index: slot }.
 */
export type ChainKernel = {
  readonly nodes: readonly Node[]
  readonly rows: number
  /** Members that are written to memory, in the order of their places. */
  readonly kept: readonly number[]
  /** Members that others of the chain read. */
  readonly inside: readonly number[]
  readonly slots: number
  /** Slots whose rows are brought near first: elements of a row, and what they are. */
  readonly staged: readonly { readonly slot: number; readonly width: number; readonly dtype: Dtype }[]
}

export type ChainLaunch = {
  readonly kernel: number
  readonly first: number
  /** Byte offsets by parity: every kept member, then every slot's source. */
  readonly places: readonly (readonly number[])[]
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

/**
 * What a plan's launches are, and where their tensors lie. With `rowWords` chains over the same rows are one launch each
 * where what they keep of a row is at most so many words.
 */
export const planDevice = (plan: Plan, rowWords = 0): DevicePlan => {
  const { program } = plan
  const rowed = rowWords > 0 ? rowChains(program, rowWords) : []
  const chainOf = new Map(rowed.flatMap((chain) => membersOf(chain).map((m) => [m, chain] as const)))
  const hidden = new Set(rowed.flatMap((chain) => membersOf(chain).filter((m) => !chain.kept.includes(m))))
  const arena = planArena(program, {
    ...{ start: 0, hidden, writesOnce: () => true },
    moments: program.nodes.map((_, i) => chainOf.get(i)?.first ?? i),
  })
  const kernels: Kernel[] = []
  const known = new Map<string, number>()
  const launches = program.nodes.flatMap((node, i): Launch[] => {
    if (chainOf.has(i)) return []
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
    return [{ kernel, node: i, places }]
  })
  const chainKernels: ChainKernel[] = []
  const chains = rowed.map((chain): ChainLaunch => {
    const { made, slots } = chainKernelOf(program, chain)
    const key = JSON.stringify(made)
    let kernel = known.get(key)
    if (kernel === undefined) {
      kernel = chainKernels.push(made) - 1
      known.set(key, kernel)
    }
    const refs = [...chain.kept.map((index): Ref => ({ from: 'node', index })), ...slots]
    const places = arena.nodes.map((_, parity) => refs.map((ref) => placeOf(arena, parity, ref)))
    return { kernel, first: chain.first, places }
  })
  return { program, arena, kernels, launches, chainKernels, chains }
}

const chainKernelOf = (
  program: Program,
  chain: RowChain,
): { readonly made: ChainKernel; readonly slots: readonly Ref[] } => {
  const members = membersOf(chain)
  const slots = sourcesOf(program, members)
  const slotOf = (ref: Ref): number => slots.findIndex((s) => s.from === ref.from && s.index === ref.index)
  const number = (m: number): number => m - chain.first
  const local = (ref: Ref): Ref => {
    const slot = slotOf(ref)
    return slot >= 0 ? { from: 'input', index: slot } : { from: 'node', index: number(ref.index) }
  }
  const made: ChainKernel = {
    nodes: members.map((m) => withRefs(program.nodes[m]!, local)),
    rows: chain.rows,
    kept: chain.kept.map(number),
    inside: chain.inside.map(number),
    slots: slots.length,
    staged: chain.staged.map(({ ref, width }) => ({
      slot: slotOf(ref),
      width,
      dtype: typeOf(program, ref).dtype,
    })),
  }
  return { made, slots }
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
