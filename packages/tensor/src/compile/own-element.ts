import type { Node, Ref } from '../node.ts'
import type { Program } from '../program.ts'
import { addressOf, initOf, refsOf } from './refs.ts'

/** Whether a map, or a chain by its init, reads a state only at the very element that it writes. */
export const readsOwnElement = (node: Node, state: number): boolean => {
  const isState = (ref: Ref): boolean => ref.from === 'state' && ref.index === state
  const init = initOf(node)
  if (node.kind === 'fold' && (node.order.kind !== 'chain' || !init || !isState(init.ref))) return false
  const own = node.kind === 'map' ? node.reads.filter((r) => isState(r.ref)) : [init!]
  if (refsOf(node).filter(isState).length !== own.length) return false // it is read elsewhere too, or by a word
  return own.every((r) => {
    const address = r.pad === undefined && r.dtype === node.dtype ? addressOf(r) : undefined
    if (address?.base !== 0) return false
    let stride = 1
    for (let d = node.shape.length - 1; d >= 0; d--) {
      const by = address.terms.find((t) => t.at === d)?.by ?? 0
      if (node.shape[d] !== 1 && by !== stride) return false
      stride *= node.shape[d]!
    }
    return true
  })
}

/** The state that a node carries on: it is the state's next value and a chain that begins with the value before. */
export const carriedState = ({ nodes, next }: Program, node: number): number | undefined => {
  if (nodes[node]!.kind !== 'fold') return undefined
  const state = next.findIndex((ref) => ref.from === 'node' && ref.index === node)
  return state >= 0 && readsOwnElement(nodes[node]!, state) ? state : undefined
}
