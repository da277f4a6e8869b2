import type { Ref } from '@lockstep/tensor'
import type { PtxKernel } from './kernel-text.ts'

/** Stands for scratch among the sources of a launch. */
export const SCRATCH: Ref = { from: 'node', index: -1 }

/**
 * One kernel and how it is started: blocks of `kernel.threads` threads in a row. Its parameters are the address of what
 * it writes and those of its sources.
 */
export type Launch = {
  readonly kernel: PtxKernel
  readonly blocks: number
  readonly slots: readonly Ref[]
  /** Bytes of scratch that it reads or writes; the launches of one node share it. */
  readonly scratch: number
  /** Where it writes something else than the node's tensor. */
  readonly writes?: 'scratch'
}
