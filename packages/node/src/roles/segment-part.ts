import { join } from 'node:path'
import { type Hex, segmentSteps } from '@lockstep/proof'
import { type Fault, fail, ok, type Result } from '@lockstep/tensor'
import type { RunResult } from '../run/messages.ts'
import { runLayout } from '../run/run-directory.ts'
import type { RunSpec } from '../run/run-spec.ts'
import type { TaskFiles } from './task-files.ts'

/** A claimed task, and what is here of it. */
export type WholeTask = {
  readonly files: TaskFiles
  /** The items at the claim's checkpoints, where they are known. */
  readonly items: readonly Hex[] | undefined
  /** Files said to hold the checkpoints behind segments. */
  readonly checkpoints: ReadonlyMap<number, string>
  /** Where runs of its parts are kept. */
  readonly directory: string
  readonly executor: RunSpec['executor']
}

/** One segment as a task of its own, and the item that it was executed to. */
export type SegmentPart = { readonly spec: RunSpec; readonly item: Hex }

/** A run of this node's own, from wherever an earlier start of it has come to. */
export type Execute = (spec: RunSpec) => Promise<Result<RunResult>>

/** Where a part begins: the whole task's initial state, or a checkpoint of it. */
type Beginning = { readonly initial: string; readonly atCheckpoint: boolean; readonly item: Hex }

/**
 * Executes one segment alone, from the checkpoint with this item on. Where that checkpoint is not here, the segments
 * before it are executed first, from the nearest one that is. All of it is kept: who asks again has it at once, also
 * after a restart.
 */
export const executePart = async (
  whole: WholeTask,
  segment: number,
  start: Hex,
  execute: Execute,
): Promise<Result<SegmentPart>> => {
  for (let from = segment; ; from--) {
    const at = beginning(whole, from)
    if (at === undefined) continue
    const part = await executeFrom(whole, from, at, segment, start, execute)
    // What is not the checkpoint that it should be counts as withheld.
    if (part.ok || from === 0 || part.fault.code !== 'run-invalid') return part
  }
}

/** What is here of where a segment begins; of the first one, always something. */
const beginning = ({ files, items, checkpoints }: WholeTask, segment: number): Beginning | undefined => {
  if (segment === 0) return { initial: files.initial, atCheckpoint: false, item: files.expect.initialItem }
  const [initial, item] = [checkpoints.get(segment - 1), items?.[segment - 1]]
  return initial === undefined || item === undefined ? undefined : { initial, atCheckpoint: true, item }
}

const executeFrom = async (
  whole: WholeTask,
  from: number,
  at: Beginning,
  segment: number,
  start: Hex,
  execute: Execute,
): Promise<Result<SegmentPart>> => {
  const { expect } = whole.files
  let begins = at
  if (from < segment) {
    const spec = specOf(whole, at, (segment - from) * expect.segmentLength, `lead-${from}-${segment}`)
    const led = await execute(spec)
    if (!led.ok) return led
    const initial = runLayout(spec.directory).checkpoint(segment - from - 1)
    begins = { initial, atCheckpoint: true, item: led.value.checkpoints.at(-1)! }
  }
  if (begins.item !== start) return fail(elsewhere(segment, begins.item, start))
  const spec = specOf(whole, begins, segmentSteps(expect, segment), `part-${segment}`)
  const ran = await execute(spec)
  // The root over a single item is that item.
  return ran.ok ? ok({ spec, item: ran.value.root }) : ran
}

const specOf = (
  { files, directory, executor }: WholeTask,
  { item, ...begins }: Beginning,
  steps: number,
  name: string,
): RunSpec => {
  const { expect, program, inputs } = files
  return {
    ...{ program, inputs, executor, ...begins, steps },
    segmentLength: expect.segmentLength,
    expect: { ...expect, initialItem: item, steps },
    directory: join(directory, name),
  }
}

/** The code of the fault of a segment that begins elsewhere in a history of one's own. */
export const BEGINS_ELSEWHERE = 'begins-elsewhere'

const elsewhere = (segment: number, found: Hex, start: Hex): Fault => ({
  code: BEGINS_ELSEWHERE,
  field: `beginning of segment ${segment}`,
  value: found,
  limit: start,
  remedy: 'The history is another one before this segment: it cannot be executed from there.',
})
