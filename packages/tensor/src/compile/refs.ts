import { type Affine, isWordCoord, type Node, type Read, type Ref, type WordRead } from '../node.ts'
import type { Program, TensorType } from '../program.ts'

/** A fold's init, where it is a read. */
export const initOf = (node: Node): Read | undefined =>
  node.kind === 'fold' && node.order.kind !== 'blocked' && typeof node.order.init !== 'number'
    ? node.order.init
    : undefined

/** Every word that a node reads, in coordinates and in guards. */
export const wordsOf = (node: Node): WordRead[] => {
  const init = initOf(node)
  const words: WordRead[] = []
  for (const r of init ? [...node.reads, init] : node.reads)
    for (const c of r.coords) if (isWordCoord(c)) words.push(c.word)
  if (node.kind === 'fold')
    for (const g of node.guards) for (const s of [g.left, g.right]) if (isWordCoord(s)) words.push(s.word)
  return words
}

/** Every source that a node reads. */
export const refsOf = (node: Node): Ref[] => {
  const init = initOf(node)
  return [...node.reads, ...(init ? [init] : []), ...wordsOf(node)].map((r) => r.ref)
}

/** What a ref names. */
export const typeOf = (program: Program, ref: Ref): TensorType =>
  (ref.from === 'node' ? program.nodes : ref.from === 'state' ? program.state : program.inputs)[ref.index]!

/** The row-major address of a read as a form over the iteration space; undefined where a word is a part of it. */
export const addressOf = (read: Read): Affine | undefined => {
  let base = 0
  const by = new Map<number, number>()
  let stride = 1
  for (let d = read.view.length - 1; d >= 0; d--) {
    const c = read.coords[d]!
    if (isWordCoord(c)) return undefined
    base += c.base * stride
    for (const t of c.terms) by.set(t.at, (by.get(t.at) ?? 0) + t.by * stride)
    stride *= read.view[d]!
  }
  const terms = [...by].filter(([, n]) => n !== 0).sort(([a], [b]) => a - b)
  return { base, terms: terms.map(([at, n]) => ({ at, by: n })) }
}
