import { type Digest, type Hex, rootOf, stepItem, toHex, treeOf, ZERO } from '@lockstep/proof'
import { GIVEN, type Slice } from './post.ts'

/** The item before the first step of a slice that begins with a state of this root. */
export const initialItemOf = (stateRoot: Digest): Digest => stepItem(stateRoot, ZERO)

/** The root of inputs that are whole states, from their roots alone: their tensors are a power of two in number. */
export const inputsRootOf = (stateRoots: readonly Digest[]): Digest => rootOf(treeOf(stateRoots))

/** What the contract gives Disputes for a slice. */
export type SliceRoots = { readonly initialItem: Hex; readonly inputsRoot: Hex }

/** The same for a slice, from the final states of the slices that it reads; undefined while one is not known. */
export const rootsOf = (
  slice: Pick<Slice, 'initialFrom' | 'inputsFrom' | 'initialItem' | 'inputsRoot'>,
  stateRootOf: (slice: number) => Digest | undefined,
): SliceRoots | undefined => {
  const initial = slice.initialFrom === GIVEN ? undefined : stateRootOf(slice.initialFrom)
  const inputs = slice.inputsFrom.flatMap((from) => stateRootOf(from) ?? [])
  if (slice.initialFrom !== GIVEN && initial === undefined) return undefined
  if (inputs.length < slice.inputsFrom.length) return undefined
  return {
    initialItem: initial ? toHex(initialItemOf(initial)) : slice.initialItem,
    inputsRoot: inputs.length > 0 ? toHex(inputsRootOf(inputs)) : slice.inputsRoot,
  }
}
