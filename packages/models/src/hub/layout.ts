import type { HubFields } from './fields.ts'

/** One tensor in both layouts. */
export type HubTensor = {
  readonly ours: string
  /** Its name there, without the prefix. */
  readonly theirs: string
  /** Whether theirs is (out, in) where ours is (in, out). */
  readonly turned: boolean
}

/** How the field's hub writes models of one kind: config.json, and the names and shapes of tensors. */
export type HubLayout<C> = {
  /** The hub's word for the kind, `model_type`. */
  readonly type: string
  /** What stands before the names of all tensors but the head's; some files leave it out. */
  readonly prefix: string
  readonly configFrom: (fields: HubFields) => C
  readonly fieldsOf: (config: C) => { readonly [field: string]: unknown }
  readonly tensorsOf: (config: C) => readonly HubTensor[]
  /** Whether a tensor of this name, without the prefix, is no parameter: a mask or a table that was saved with them. */
  readonly isBuffer: (name: string) => boolean
  /** The name of the embedding there, without the prefix, where it is also the head. */
  readonly tiedTo: (config: C) => string | undefined
}

/** The head's name, which never has a prefix. */
export const HEAD = 'lm_head.weight'
