import { type Digest, rootOf, stepItem, treeOf, ZERO } from '@lockstep/proof'

/** The item before the first step of a slice that begins with a state of this root. */
export const initialItemOf = (stateRoot: Digest): Digest => stepItem(stateRoot, ZERO)

/** The root of inputs that are whole states, from their roots alone: their tensors are a power of two in number. */
export const inputsRootOf = (stateRoots: readonly Digest[]): Digest => rootOf(treeOf(stateRoots))
