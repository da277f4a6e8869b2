import { hex32, taskFieldsSchema } from '@lockstep/client/fields'
import { z } from 'zod'
import { executorId } from '../executors/id.ts'

/** The most segments of one run: their tallies are opened in one transaction. */
export const MAX_SEGMENTS = 2 ** 16

const path = z.string().min(1).max(4096)
/** A file with all inputs of a program, or with the state that a run of the program `stateOf` ended with. */
export const inputFile = z.strictObject({ path, stateOf: path.optional() })
export type InputFile = z.infer<typeof inputFile>

export const executorSpec = z.strictObject({
  /** Threads that share a step's work. Default 1. */
  threads: z.int().min(1).max(256).optional(),
  /** Whether fma is the engine's own: see WasmOptions of @lockstep/tensor. */
  relaxed: z.enum(['auto', 'on', 'off']).optional(),
  /** What computes: see ../executors. Default: the processor, as fast as it can. Not together with a module. */
  on: executorId.optional(),
  /**
   * An executor of one's own: a module that exports `createExecutor(options)`, where options are those below with
   * `threads`, `relaxed` and `memory`. It runs with the rights of the run's process.
   */
  module: path.optional(),
  options: z.record(z.string(), z.json()).optional(),
})
export type ExecutorSpec = z.infer<typeof executorSpec>

export const selfAuditSchema = z.strictObject({
  /**
   * The share of segments that are executed a second time before they are kept, 0 to 1. The program is then in memory
   * twice, and three times for a moment where the two differ.
   */
  share: z.number().min(0).max(1),
  /** 32 secret bytes that choose them: who knew it could lie elsewhere. */
  seed: hex32,
})
export type SelfAudit = z.infer<typeof selfAuditSchema>

/** A task on disk, and where its run is kept. */
export const runSpec = z
  .strictObject({
    /** The encoded program. */
    program: path,
    /** The state before the first step. */
    initial: path,
    /**
     * Where the task is a part of another: that file is the checkpoint of it that the part begins with, so that it also
     * holds what the step before reported.
     */
    atCheckpoint: z.boolean().optional(),
    /** One file with the program's inputs, or several whose states are, one after another. */
    inputs: z.array(inputFile).max(4096),
    ...taskFieldsSchema.pick({ steps: true, segmentLength: true }).shape,
    /** Where checkpoints are written; it is made where it is missing. */
    directory: path,
    /** What the task must commit to, where that is known: files that give anything else are refused. */
    expect: taskFieldsSchema.optional(),
    executor: executorSpec.optional(),
    selfAudit: selfAuditSchema.optional(),
  })
  .refine(({ steps, segmentLength }) => Math.ceil(steps / segmentLength) <= MAX_SEGMENTS, {
    path: ['segmentLength'],
    message: `makes more than ${MAX_SEGMENTS} segments`,
  })
export type RunSpec = z.input<typeof runSpec>
