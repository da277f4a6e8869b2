import type { PtxTarget } from '../ptx/kernel-text.ts'

/** A module's entry, ready to be launched. */
export type Entry = { readonly __entry: unique symbol }
/** A recorded sequence of launches and copies. */
export type Sequence = { readonly __sequence: unique symbol }

/**
 * What an executor needs of a CUDA device. Work is done in the order in which it is asked for, after the call has
 * returned; uploads and downloads wait for what was asked before them. Addresses are bytes in the device's memory.
 * Failures are exceptions that name the driver's function and its result.
 */
export type Device = {
  readonly name: string
  readonly target: PtxTarget
  /** The most threads that run at once: multiprocessors by threads of each. */
  readonly multiprocessors: number
  allocate(bytes: number): number
  free(address: number): void
  /** Makes a module's entries of PTX text; fails with what the driver's assembler says. */
  module(text: string, entries: readonly string[]): { readonly entries: readonly Entry[]; unload(): void }
  upload(address: number, bytes: Uint8Array): void
  download(address: number, into: Uint8Array): void
  copy(from: number, to: number, bytes: number): void
  launch(entry: Entry, blocks: number, threads: number, parameters: readonly number[]): void
  /** Records what `run` asks for, without doing it. */
  record(run: () => void): Sequence
  replay(sequence: Sequence): void
  drop(sequence: Sequence): void
  /** When all that was asked for is done. */
  done(): Promise<void>
  close(): void
}
