import { tensorBytes } from '../estimate.ts'
import type { Ref } from '../node.ts'
import type { Program } from '../program.ts'
import { readsOwnElement } from './own-element.ts'
import { refsOf } from './refs.ts'

/**
 * Where every tensor lies in one memory.
 *
 * All lifetimes are known before anything is placed: a node's tensor lives from the moment it is written to the moment
 * it is last read. The big ones are placed first, each in the smallest gap that the tensors living beside it leave.
 *
 * A state tensor is updated in place where nobody misses its old value. Otherwise it has two places, one that a step
 * reads and one that it writes, which swap after each step; then there is a set of addresses for either parity.
 */
export type Arena = {
  /** Addresses by parity of the step: one set, or two. A hidden node is at 0. */
  readonly nodes: readonly (readonly number[])[]
  readonly state: readonly (readonly number[])[]
  readonly inputs: readonly number[]
  /** Copies at the end of a step, for next states that no node writes. By parity. */
  readonly copies: readonly (readonly { from: Ref; to: number; bytes: number }[])[]
  readonly inPlace: readonly boolean[] // by state
  readonly end: number
  /** Bytes of memory that tensors take. */
  readonly peak: number
  /** The most bytes that live at one moment, states and inputs included: with this order of nodes none takes less. */
  readonly lowerBound: number
}

export type ArenaOptions = {
  readonly start: number
  /** When each node runs; nodes of one moment run together. By default one after another. */
  readonly moments?: readonly number[]
  /** Nodes whose tensors never reach memory. */
  readonly hidden?: ReadonlySet<number>
  /** Whether the code of a node computes each element only once, so that it may write over what it reads there. */
  readonly writesOnce?: (node: number) => boolean
}

/** Cache lines, and room for a load of 16 bytes that begins at a tensor's last element. */
const align = (n: number): number => Math.ceil((n + 16) / 64) * 64

export const planArena = (program: Program, options: ArenaOptions): Arena => {
  const { nodes, next } = program
  const { start, hidden = new Set<number>() } = options
  const moments = options.moments ?? nodes.map((_, i) => i)
  const after = nodes.length // the moment when the step has ended

  const { written, copied } = whoWrites(program)
  const last = lastUses(program, moments, copied, after)
  const inPlace = program.state.map(() => false)
  const readers = program.state.map((): number[] => [])
  nodes.forEach((node, i) => {
    for (const ref of refsOf(node)) if (ref.from === 'state') readers[ref.index]!.push(i)
  })
  for (const [node, i] of written) {
    if (last.state[i]! > moments[node]!) continue
    // others have read the old value before, and the node itself reads it only where it writes
    if (readers[i]!.some((k) => k !== node && moments[k]! >= moments[node]!)) continue
    inPlace[i] =
      !readers[i]!.includes(node) || (readsOwnElement(nodes[node]!, i) && options.writesOnce?.(node) === true)
  }

  let base = start
  const take = (bytes: number): number => {
    const at = base
    base += align(bytes)
    return at
  }
  const inputs = program.inputs.map((t) => take(tensorBytes(t)))
  const first = program.state.map((t) => take(tensorBytes(t)))
  const swaps = program.state.map((_, i) => !inPlace[i] && !isSelf(next[i]!, i))
  const second = program.state.map((t, i) => (swaps[i] ? take(tensorBytes(t)) : first[i]!))
  const parities = swaps.some((s) => s) ? [0, 1] : [0]
  const state = parities.map((parity) => (parity === 0 ? first : second))
  const newState = (parity: number): readonly number[] => state[(parity + 1) % parities.length]!

  const lives = nodes.flatMap((node, i): Life[] =>
    hidden.has(i) || written.has(i)
      ? []
      : [{ node: i, from: moments[i]!, to: last.node[i]!, bytes: align(tensorBytes(node)) }],
  )
  const offsets = placeLives(lives)
  const shared = nodes.map(() => 0)
  let end = base
  lives.forEach(({ node, bytes }, k) => {
    shared[node] = base + offsets[k]!
    end = Math.max(end, shared[node]! + bytes)
  })
  return {
    nodes: parities.map((parity) =>
      nodes.map((_, i) => (written.has(i) ? newState(parity)[written.get(i)!]! : shared[i]!)),
    ),
    state,
    inputs,
    copies: parities.map((parity) =>
      copied.map((c) => ({
        from: c.from,
        to: newState(parity)[c.state]!,
        bytes: tensorBytes(program.state[c.state]!),
      })),
    ),
    inPlace,
    end,
    peak: end - start,
    lowerBound: bound(program, lives, after, (i) =>
      swaps[i] ? writerMoment(next[i]!, moments, after) : undefined,
    ),
  }
}

const isSelf = (ref: Ref, i: number): boolean => ref.from === 'state' && ref.index === i

/** Which nodes write a next state where it belongs, and which next states are copied when the step has ended. */
const whoWrites = ({ next }: Program) => {
  const written = new Map<number, number>() // node to state
  const copied: { from: Ref; state: number }[] = []
  next.forEach((ref, i) => {
    if (isSelf(ref, i)) return
    if (ref.from === 'node' && !written.has(ref.index)) written.set(ref.index, i)
    else copied.push({ from: ref, state: i })
  })
  return { written, copied }
}

/** When every node's tensor, and every state as the step found it, is read for the last time. */
const lastUses = (
  program: Program,
  moments: readonly number[],
  copied: readonly { from: Ref }[],
  after: number,
): { readonly node: number[]; readonly state: number[] } => {
  const last = { node: program.nodes.map((_, i) => moments[i]!), state: program.state.map(() => -1) }
  const use = (ref: Ref, moment: number): void => {
    if (ref.from !== 'input') last[ref.from][ref.index] = Math.max(last[ref.from][ref.index]!, moment)
  }
  program.nodes.forEach((node, i) => {
    for (const ref of refsOf(node)) use(ref, moments[i]!)
  })
  for (const { ref } of program.outputs) use(ref, after)
  for (const { from } of copied) use(from, after)
  return last
}

type Life = { readonly node: number; readonly from: number; readonly to: number; readonly bytes: number }

/** An offset for every life, so that those that meet in time do not meet in memory. */
const placeLives = (lives: readonly Life[]): number[] => {
  const offsets = lives.map(() => 0)
  const bySize = lives
    .map((_, k) => k)
    .sort((a, b) => lives[b]!.bytes - lives[a]!.bytes || lives[a]!.from - lives[b]!.from)
  const placed: number[] = [] // by offset
  for (const k of bySize) {
    const life = lives[k]!
    let best: { at: number; gap: number } | undefined
    let free = 0 // where the gap after what we have passed begins
    for (const other of placed) {
      const { from, to, bytes } = lives[other]!
      if (from > life.to || to < life.from) continue
      const gap = offsets[other]! - free
      if (gap >= life.bytes && (!best || gap < best.gap)) best = { at: free, gap }
      free = Math.max(free, offsets[other]! + bytes)
    }
    const at = best?.at ?? free
    offsets[k] = at
    const place = placed.findIndex((other) => offsets[other]! > at)
    placed.splice(place < 0 ? placed.length : place, 0, k)
  }
  return offsets
}

const writerMoment = (ref: Ref, moments: readonly number[], after: number): number =>
  ref.from === 'node' ? moments[ref.index]! : after

/** The most bytes at one moment; `swapsAt` says when the second place of a state begins to be needed. */
const bound = (
  program: Program,
  lives: readonly Life[],
  after: number,
  swapsAt: (state: number) => number | undefined,
): number => {
  const change = new Float64Array(after + 2)
  for (const { node, from, to } of lives) {
    const bytes = tensorBytes(program.nodes[node]!)
    change[from]! += bytes
    change[to + 1]! -= bytes
  }
  let bytes = 0
  for (const t of [...program.inputs, ...program.state]) bytes += tensorBytes(t)
  program.state.forEach((t, i) => {
    const from = swapsAt(i)
    if (from !== undefined) change[from]! += tensorBytes(t)
  })
  let most = bytes
  for (const c of change) {
    bytes += c
    most = Math.max(most, bytes)
  }
  return most
}
