import { DTYPES } from '../dtype.ts'
import type { Node, Ref } from '../node.ts'
import { isWordCoord } from '../node.ts'
import type { Program, TensorType } from '../program.ts'
import { size } from '../shape.ts'

/**
 * Where every tensor lies in the memory. A state tensor has two places, one that a step reads and one that it writes;
 * they swap after each step. A node whose output is a next state writes there; other nodes share a region, each
 * holding its place from when it is written to when it is last read.
 */
export type Arena = {
  /** Addresses by parity of the step. */
  readonly nodes: readonly (readonly number[])[]
  readonly state: readonly (readonly number[])[]
  readonly inputs: readonly number[]
  /** Copies at the end of a step, for next states that no node writes in place. By parity. */
  readonly copies: readonly (readonly { from: Ref; to: number; bytes: number }[])[]
  /** Whether a next state or an output depends on the node. Others run only in a trace. */
  readonly needed: readonly boolean[]
  readonly end: number
}

export const bytesOf = (type: TensorType): number => size(type.shape) * DTYPES[type.dtype].bytes

/** Cache lines, and room for a load of 16 bytes that begins at a tensor's last element. */
const align = (n: number): number => Math.ceil((n + 16) / 64) * 64

export const planArena = (program: Program, start: number): Arena => {
  const { nodes, next, outputs } = program
  let end = start
  const take = (bytes: number): number => {
    const at = end
    end += align(bytes)
    return at
  }
  const inputs = program.inputs.map((t) => take(bytesOf(t)))
  const first = program.state.map((t) => take(bytesOf(t)))
  // a state that no step changes needs no second place
  const second = program.state.map((t, i) => (isSelf(next[i]!, i) ? first[i]! : take(bytesOf(t))))
  const state = [first, second]

  const needed = neededNodes(program)
  const written = new Map<number, number>() // node to the state it writes
  const copied: { from: Ref; state: number }[] = []
  next.forEach((ref, i) => {
    if (isSelf(ref, i)) return
    if (ref.from === 'node' && !written.has(ref.index)) written.set(ref.index, i)
    else copied.push({ from: ref, state: i })
  })

  const last = nodes.map((_, i) => i)
  nodes.forEach((node, i) => {
    for (const ref of refsOf(node)) if (ref.from === 'node') last[ref.index] = i
  })
  for (const ref of [...outputs.map((o) => o.ref), ...copied.map((c) => c.from)])
    if (ref.from === 'node') last[ref.index] = nodes.length
  const free: { at: number; bytes: number }[] = []
  const dying = new Map<number, { at: number; bytes: number }[]>()
  const allocate = (bytes: number): { at: number; bytes: number } => {
    // the smallest hole that fits
    let best: { at: number; bytes: number } | undefined
    for (const hole of free) if (hole.bytes >= bytes && (!best || hole.bytes < best.bytes)) best = hole
    if (!best) return { at: take(bytes - 16), bytes }
    const at = best.at
    best.at += bytes
    best.bytes -= bytes
    return { at, bytes }
  }
  const shared = nodes.map((node, i) => {
    let at = 0
    if (!written.has(i)) {
      const place = allocate(align(bytesOf(node)))
      at = place.at
      dying.set(last[i]!, [...(dying.get(last[i]!) ?? []), place])
    }
    for (const gone of dying.get(i) ?? []) release(free, gone)
    return at
  })
  const places = [0, 1].map((parity) =>
    nodes.map((_, i) => {
      const into = written.get(i)
      return into === undefined ? shared[i]! : state[1 - parity]![into]!
    }),
  )
  const copies = [0, 1].map((parity) =>
    copied.map(({ from, state: i }) => ({
      from,
      to: state[1 - parity]![i]!,
      bytes: bytesOf(program.state[i]!),
    })),
  )
  return { nodes: places, state, inputs, copies, needed, end }
}

const isSelf = (ref: Ref, i: number): boolean => ref.from === 'state' && ref.index === i

/** Puts a place back, joined with free neighbours. */
const release = (free: { at: number; bytes: number }[], place: { at: number; bytes: number }): void => {
  const hole = { ...place }
  for (let i = free.length - 1; i >= 0; i--) {
    const other = free[i]!
    if (other.at + other.bytes === hole.at) hole.at = other.at
    else if (hole.at + hole.bytes !== other.at) continue
    hole.bytes += other.bytes
    free.splice(i, 1)
  }
  free.push(hole)
}

const neededNodes = (program: Program): boolean[] => {
  const needed = program.nodes.map(() => false)
  const want = (ref: Ref): void => {
    if (ref.from === 'node') needed[ref.index] = true
  }
  program.next.forEach(want)
  for (const o of program.outputs) want(o.ref)
  for (let i = program.nodes.length - 1; i >= 0; i--) if (needed[i]) refsOf(program.nodes[i]!).forEach(want)
  return needed
}

/** Every source that a node reads. */
export const refsOf = (node: Node): Ref[] => {
  const refs: Ref[] = []
  const reads = [...node.reads]
  if (node.kind === 'fold' && typeof node.order.init !== 'number') reads.push(node.order.init)
  for (const r of reads) {
    refs.push(r.ref)
    for (const c of r.coords) if (isWordCoord(c)) refs.push(c.word.ref)
  }
  if (node.kind === 'fold')
    for (const g of node.guards) for (const b of [g.left, g.right]) if (isWordCoord(b)) refs.push(b.word.ref)
  return refs
}
