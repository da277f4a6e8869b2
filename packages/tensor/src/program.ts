import type { Dtype } from './dtype.ts'
import type { Node, Ref } from './node.ts'

/** What a tensor is, without its bytes. */
export type TensorType = { readonly dtype: Dtype; readonly shape: readonly number[] }
export type NamedType = TensorType & { readonly name: string }

/**
 * One step: (state, inputs) -> (state', outputs), as a DAG of nodes in which every node reads only earlier ones.
 * Inputs are the same at every step of a task; whatever changes is state.
 */
export type Program = {
  readonly state: readonly NamedType[]
  readonly inputs: readonly NamedType[]
  readonly nodes: readonly Node[]
  /** Where each state tensor's next value comes from, in the order of `state`. */
  readonly next: readonly Ref[]
  readonly outputs: readonly { readonly name: string; readonly ref: Ref }[]
}

/** A tensor's value: dense, row-major, canonical little-endian elements. */
export type Tensor = TensorType & { readonly data: Uint8Array<ArrayBufferLike> }
