import type { Program, Tensor } from './program.ts'

/**
 * Something that runs programs. Every executor gives the same bits; they differ in speed only.
 * Programs and tensors handed in are valid (see validate.ts) and canonical.
 */
export type Executor = {
  readonly name: string
  compile(program: Program, inputs: readonly Tensor[]): Promise<Runner>
  close(): Promise<void>
}

/** One task in progress: a program, its inputs, and the state it has reached. */
export type Runner = {
  /** Puts the task at this state. */
  load(state: readonly Tensor[]): void
  /** Replaces the inputs by others of the same types: one runner serves many tasks of a program. The state stays. */
  give(inputs: readonly Tensor[]): void
  /** Runs `count` steps (default 1). */
  step(count?: number): Promise<void>
  /** Runs one step unfused and gives every node's output, in node order. The runner then stands after that step. */
  trace(): Promise<Tensor[]>
  /**
   * Copies of the state tensors, in the program's order. Given tensors of their types, an executor may write the copies
   * over the bytes of those and give them back: memory that has been touched before is copied to much faster.
   */
  state(into?: Tensor[]): Tensor[]
  /** Copies of the last step's outputs, in the program's order; empty before the first step. */
  outputs(): Tensor[]
  /**
   * The 32 bytes at the top of the tree over each state tensor's leaves (docs/numerics.md, "Hashing"), in the program's
   * order: where an executor hashes what lies on its device there, so that only they come back.
   */
  roots?(): Uint8Array[]
  close(): void
}
