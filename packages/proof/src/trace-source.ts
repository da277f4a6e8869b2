import type { Ref } from '@lockstep/tensor'
import type { Digest } from './digest.ts'
import type { BlockValue, Run } from './fold-cut.ts'
import type { Tree } from './tree.ts'

/** What a step found: the tree of its state tensors' digests, and the root of the outputs of the step before. */
export type Found = { readonly states: Tree; readonly outputsRoot: Digest }

/** One element of a node's tensor in one step. */
export type ElementPlace = { readonly step: number; readonly node: number; readonly element: number }

/**
 * Everything that a player tells about its history, and all it needs to know of it. Steps count from 0 and name the
 * transition: step s leads from item s to item s + 1 where item 0 is the initial one. A liar is a source that says
 * something else.
 */
export type TraceSource = {
  /** The items at the checkpoints. */
  readonly checkpoints: () => Promise<Tree>
  /** The items after each step of a segment. */
  readonly segment: (segment: number) => Promise<Tree>
  /** The items of a step: nodes, then joins. */
  readonly step: (step: number) => Promise<Tree>
  readonly found: (step: number) => Promise<Found>
  readonly inputs: () => Promise<Tree>
  /** The tree over the leaves of a node's result in this step, of a state tensor as it found it, or of an input. */
  readonly leaves: (step: number, ref: Ref) => Promise<Tree>
  readonly leaf: (step: number, ref: Ref, index: number) => Promise<Uint8Array>
  /** The words of a run of accumulators; `acc` is the one before it, undefined where the run begins with init. */
  readonly run: (place: ElementPlace, run: Run, acc: number | undefined) => Promise<Uint32Array>
  /** r0 a0 r1 a1 ...: the entries below a value of a blocked fold with the accumulators of combining them. */
  readonly combine: (place: ElementPlace, value: BlockValue) => Promise<Uint32Array>
}
