import type { Ref } from '@lockstep/tensor'
import type { PtxKernel } from './kernel-text.ts'

/** Stands for a place in scratch, so many bytes from its beginning, among the sources of a launch. */
export const scratchAt = (bytes: number): Ref => ({ from: 'node', index: -1 - bytes })
/** The bytes from scratch's beginning, where a source is a place in scratch. */
export const scratchOffset = ({ index }: Ref): number | undefined => (index < 0 ? -1 - index : undefined)

/**
 * One kernel and how it is started: blocks of `kernel.threads` threads in a row. Its parameters are the address of what
 * it writes and those of its sources.
 */
export type Launch = {
  readonly kernel: PtxKernel
  readonly blocks: number
  readonly slots: readonly Ref[]
  /** Bytes of scratch up to the last that it reads or writes; the launches of one node share it. */
  readonly scratch: number
  /** What it writes in scratch, bytes from the beginning, instead of the node's tensor. */
  readonly writes?: number
}
