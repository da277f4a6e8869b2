import type { Ref } from '../node.ts'
import type { Fn } from './emitter.ts'

/** A part of a node's work that threads may share out by units, in any order. A node's phases run one after another. */
export type Phase = {
  readonly fn: Fn
  readonly slots: readonly Ref[] // what slots 1, 2, ... of the argument table point to; slot 0 is the node's output
  readonly units: number
  readonly cost: number // of one unit, roughly in scalar instructions on one element
  readonly scratch: number // bytes that each thread needs
  /** It gives every element the node's init, which is a read: where that is the very element, it only makes a NaN the NaN. */
  readonly copiesInit?: boolean
  readonly shared?: number // bytes that a node's phases share among all threads: their address follows the slots in the table
}
