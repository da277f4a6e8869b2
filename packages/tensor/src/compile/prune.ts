import type { Guard, Node, Read, Ref, WordRead } from '../node.ts'
import type { Program } from '../program.ts'
import { refsOf } from './refs.ts'

/** A program on its way to code, with the nodes of the given program that each of its nodes computes. */
export type Draft = { readonly program: Program; readonly origin: readonly (readonly number[])[] }

/** Without the nodes that no next state and no output depends on. */
export const prune = ({ program, origin }: Draft): Draft => {
  const needed = program.nodes.map(() => false)
  const want = (ref: Ref): void => {
    if (ref.from === 'node') needed[ref.index] = true
  }
  program.next.forEach(want)
  for (const o of program.outputs) want(o.ref)
  for (let i = program.nodes.length - 1; i >= 0; i--) if (needed[i]) refsOf(program.nodes[i]!).forEach(want)
  if (needed.every((n) => n)) return { program, origin }
  const names: number[] = []
  let count = 0
  needed.forEach((n, i) => {
    names[i] = n ? count++ : -1
  })
  const ref = (r: Ref): Ref => (r.from === 'node' ? { from: 'node', index: names[r.index]! } : r)
  return {
    program: {
      ...program,
      nodes: program.nodes.flatMap((node, i) => (needed[i] ? [withRefs(node, ref)] : [])),
      next: program.next.map(ref),
      outputs: program.outputs.map((o) => ({ ...o, ref: ref(o.ref) })),
    },
    origin: origin.filter((_, i) => needed[i]),
  }
}

/** The same node, reading from other places. */
export const withRefs = (node: Node, ref: (r: Ref) => Ref): Node => {
  const word = (w: WordRead): WordRead => ({ ...w, ref: ref(w.ref) })
  const read = (r: Read): Read => ({
    ...r,
    ref: ref(r.ref),
    coords: r.coords.map((c) => ('word' in c ? { word: word(c.word) } : c)),
  })
  const side = (s: Guard['left']): Guard['left'] => ('word' in s ? { word: word(s.word) } : s)
  const reads = node.reads.map(read)
  if (node.kind === 'map') return { ...node, reads }
  const guards = node.guards.map((g): Guard => ({ ...g, left: side(g.left), right: side(g.right) }))
  const { order } = node
  if (order.kind === 'blocked' || typeof order.init === 'number') return { ...node, reads, guards }
  return { ...node, reads, guards, order: { ...order, init: read(order.init) } }
}
