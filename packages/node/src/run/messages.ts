import { hex32, taskFieldsSchema } from '@lockstep/client/fields'
import { decodeMove, type Move } from '@lockstep/proof'
import { catchFault } from '@lockstep/tensor'
import { z } from 'zod'
import { MAX_SEGMENTS, runSpec } from './run-spec.ts'

/** What parent and child say to each other. Both check every message: a torn or foreign one is a crash, not a value. */

const segment = z
  .int()
  .min(0)
  .max(MAX_SEGMENTS - 1)
const hexes = z.array(hex32).max(MAX_SEGMENTS)

const checkpoints = z.array(z.tuple([segment, z.string().min(1).max(4096)])).max(MAX_SEGMENTS)

const auditJob = z.strictObject({
  kind: z.literal('audit'),
  spec: runSpec,
  segments: z.array(segment).min(1).max(MAX_SEGMENTS),
  claimed: hexes.optional(),
  checkpoints,
})
const runJob = z.strictObject({ kind: z.literal('run'), spec: runSpec })
/** Answers what to play in disputes about a claim: `claim` holds the items that this side takes for true. */
const movesJob = z.strictObject({
  kind: z.literal('moves'),
  spec: runSpec,
  side: z.enum(['claimant', 'challenger']),
  claim: hexes,
  checkpoints,
})
/** Times steps of the task, and keeps nothing. */
const measureJob = z.strictObject({ kind: z.literal('measure'), spec: runSpec })
export const job = z.discriminatedUnion('kind', [runJob, auditJob, movesJob, measureJob])
export type Job = z.infer<typeof job>

const move = z.custom<Move>((value) => catchFault(() => decodeMove(value, 'move')).ok, 'no move')
const path = z.array(hex32).max(64)
/** A dispute's record without the program's header, which both sides of the channel have. */
const record = z.strictObject({
  terms: z.strictObject({
    task: taskFieldsSchema,
    timing: z.strictObject({
      clock: z.int(),
      segmentTime: z.int(),
      stepTime: z.int(),
      moveTime: z.int(),
    }),
    claim: hex32,
  }),
  seed: hex32,
  openedAt: z.int(),
  named: z
    .strictObject({
      segment: z.int().min(0),
      checkpoint: hex32,
      checkpointPath: path,
      predecessor: hex32,
      predecessorPath: path,
    })
    .optional(),
  moves: z.array(z.strictObject({ move, time: z.int() })).max(256),
  timedOutAt: z.int().optional(),
  decided: z.enum(['claimant', 'challenger', 'void']).optional(),
})
export type RecordOnWire = z.output<typeof record>

export const toChild = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('job'),
    parent: z.int(),
    memory: z.int(),
    /** Whether the process waits for another job after this one. */
    keep: z.boolean(),
    job,
  }),
  z.strictObject({ kind: z.literal('ask'), id: z.int(), record }),
  z.strictObject({ kind: z.literal('pause') }),
  z.strictObject({ kind: z.literal('resume') }),
  z.strictObject({ kind: z.literal('stop') }),
])
export type ToChild = z.output<typeof toChild>

export const runEvent = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('resumed'), segments: z.int() }),
  z.strictObject({ kind: z.literal('progress'), step: z.int(), loss: z.number().optional() }),
  z.strictObject({ kind: z.literal('segment'), segment }),
  z.strictObject({
    kind: z.literal('audited'),
    segment,
    found: z.enum(['equal', 'repaired', 'outvoted']),
  }),
])

const text = z.union([z.string(), z.number()])
export const fromChild = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('event'), event: runEvent }),
  z.strictObject({ kind: z.literal('paused') }),
  z.strictObject({ kind: z.literal('resumed') }),
  z.strictObject({ kind: z.literal('answer'), id: z.int(), move: move.optional() }),
  z.strictObject({
    kind: z.literal('done'),
    result: z.unknown(),
    /** The most bytes that the process has held, and what it holds now. */
    peakMemory: z.number(),
    memory: z.number(),
  }),
  z.strictObject({
    kind: z.literal('fault'),
    fault: z.strictObject({
      code: z.string(),
      field: z.string(),
      value: text,
      limit: text,
      remedy: z.string(),
    }),
  }),
])
export type FromChild = z.infer<typeof fromChild>

/** What a run ends with: all that its claim is made of. */
export const runResult = z.strictObject({
  /** The items behind the segments, and the root over them: the claim. */
  checkpoints: hexes,
  root: hex32,
  /** What the last item is the parent of, and where it stands under the root. */
  stateRoot: hex32,
  outputsRoot: hex32,
  path: z.array(hex32).max(48),
  /** A segment's tally each. Nobody is shown them before the audit. */
  tallies: hexes,
  /** The file with the final state. */
  state: z.string(),
  /** Segments that were executed twice, and those of them whose first execution was wrong. */
  audited: z.array(segment).max(MAX_SEGMENTS),
  repaired: z.array(segment).max(MAX_SEGMENTS),
})
export type RunResult = z.infer<typeof runResult>

export const auditResult = z.strictObject({
  /** In ascending order, what was asked for. */
  segments: z.array(z.strictObject({ segment, item: hex32, tally: hex32 })).max(MAX_SEGMENTS),
  /** The first segment executed that ended elsewhere than the claim says; absent where none did, or nothing is claimed. */
  differs: z.strictObject({ segment, claimed: hex32, found: hex32 }).optional(),
  /** Segments that were executed only because the checkpoints behind them were missing or not what the claim says. */
  withheld: z.array(segment).max(MAX_SEGMENTS),
})
export type AuditResult = z.infer<typeof auditResult>

export const measureResult = z.strictObject({ unitsPerSecond: z.number().positive() })
export type MeasureResult = z.infer<typeof measureResult>
