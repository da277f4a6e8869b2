import { hex32, taskFieldsSchema } from '@lockstep/client/fields'
import { namedTensors, pickTensors } from '@lockstep/models'
import {
  checkpointCount,
  climb,
  commitProgram,
  type Digest,
  digestFromHex,
  type Hex,
  itemOf,
  pathOf,
  rootOf,
  sameBytes,
  segmentSteps,
  stepItem,
  type TaskFields,
  tensorsTree,
  toHex,
  treeHeight,
  treeOf,
  validateTask,
  ZERO,
} from '@lockstep/proof'
import { decodeProgram, type Executor, encodeProgram, type Program, type Tensor } from '@lockstep/tensor'
import { z } from 'zod'
import { badInput } from '../cli-error.ts'
import { type Checkpoint, outputTypes } from './checkpoint-file.ts'
import type { ClaimFile } from './claim-file.ts'
import type { Run } from './run-directory.ts'
import { decodeNamed, writeTensors } from './tensor-file.ts'
import { startOf } from './verify-run.ts'

/**
 * One segment of a run with all that a stranger needs to check it: the program, its inputs, where the segment starts,
 * what it is said to end with, and that both are under the root of the claim.
 */
export type SegmentProof = {
  readonly task: TaskFields
  readonly root: Hex
  readonly segment: number
  readonly program: Program
  readonly inputs: readonly Tensor[]
  readonly start: Checkpoint
  readonly startPath: readonly Digest[]
  readonly item: Digest
  readonly itemPath: readonly Digest[]
}

export type ProofVerdict =
  | { readonly equal: true; readonly steps: readonly [first: number, last: number] }
  | {
      readonly equal: false
      readonly field: string
      readonly committed: string
      readonly recomputed: string
    }

const FORMAT = 'lockstep-proof-1'
export const MAX_PROOF_BYTES = 2 ** 32
const REMEDY = 'Ask for the file again: `lockstep export-proof RUN` makes it.'

const schema = z.strictObject({
  root: hex32,
  task: taskFieldsSchema,
  segment: z.int().min(0),
  startPath: z.array(hex32).max(48),
  item: hex32,
  itemPath: z.array(hex32).max(48),
})

export const proveSegment = async (run: Run, file: ClaimFile, segment: number): Promise<SegmentProof> => {
  const { task } = run.training
  const tree = treeOf(file.claim.checkpoints)
  return {
    task: file.task,
    root: file.root,
    segment,
    program: task.committed.program,
    inputs: task.inputs,
    start: await startOf(run, file.claim.checkpoints, segment),
    startPath: segment === 0 ? [] : pathOf(tree, segment - 1, 0, tree.height),
    item: file.claim.checkpoints[segment]!,
    itemPath: pathOf(tree, segment, 0, tree.height),
  }
}

export const writeProof = (path: string, proof: SegmentProof): Promise<void> => {
  const { program, start, task, root, segment } = proof
  const encoded = encodeProgram(program)
  const facts = {
    root,
    task,
    segment,
    startPath: proof.startPath.map(toHex),
    item: toHex(proof.item),
    itemPath: proof.itemPath.map(toHex),
  }
  return writeTensors(
    path,
    [
      ['program', { dtype: 'u8', shape: [encoded.length], data: encoded }],
      ...namedTensors(program.inputs, proof.inputs, 'inputs/'),
      ...namedTensors(program.state, start.state, 'state/'),
      ...(segment === 0 ? [] : namedTensors(program.outputs, start.outputs, 'outputs/')),
    ],
    { format: FORMAT, proof: JSON.stringify(facts) },
  )
}

/** Reads what writeProof wrote; whether it is true is checkProof's affair. Anything else is an error that says what is wrong. */
export const decodeProof = (content: Uint8Array, path = 'proof'): SegmentProof => {
  const { tensors, metadata } = decodeNamed(path, content, REMEDY)
  const damaged = (field: string, value: unknown, limit: unknown) =>
    badInput('file-damaged', `${field} of ${path}`, value, limit, REMEDY)
  if (metadata.get('format') !== FORMAT) throw damaged('format', metadata.get('format'), FORMAT)
  let json: unknown
  try {
    json = JSON.parse(metadata.get('proof') ?? '')
  } catch {
    throw damaged('proof', 'no JSON', 'a proof as export-proof writes it')
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw damaged(`proof.${issue!.path.join('.')}`, issue!.message, 'a proof as export-proof writes it')
  }
  const { task, root, segment, startPath, item, itemPath } = parsed.data
  if (segment >= checkpointCount(task)) throw damaged('segment', segment, `below ${checkpointCount(task)}`)
  const decoded = decodeProgram(tensors.get('program')?.data ?? new Uint8Array(0))
  const valid = decoded.ok ? validateTask(decoded.value) : decoded
  if (!valid.ok) throw damaged(valid.fault.field, valid.fault.value, valid.fault.limit)
  const program = valid.value
  const pick = (prefix: string, types: Program['state']): Tensor[] =>
    pickTensors(path, tensors, types, REMEDY, prefix)
  const start = {
    step: segment * task.segmentLength,
    state: pick('state/', program.state),
    outputs: segment === 0 ? [] : pick('outputs/', outputTypes(program)),
  }
  return {
    task,
    root,
    segment,
    program,
    inputs: pick('inputs/', program.inputs),
    start,
    startPath: startPath.map(digestFromHex),
    item: digestFromHex(item),
    itemPath: itemPath.map(digestFromHex),
  }
}

/** Checks every hash between the proof and the claim's root, and executes the segment again. */
export const checkProof = async (
  proof: SegmentProof,
  executor: Executor,
  root: string = proof.root,
  progress: (step: number, of: number) => void = () => {},
): Promise<ProofVerdict> => {
  const { task, segment, program, start } = proof
  const differs = (field: string, committed: string, recomputed: Digest): ProofVerdict | undefined =>
    committed === toHex(recomputed)
      ? undefined
      : { equal: false, field, committed, recomputed: toHex(recomputed) }
  const height = treeHeight(checkpointCount(task))
  const startItem = stepItem(rootOf(tensorsTree(start.state)), rootOf(tensorsTree(start.outputs)))
  const above = (item: Digest, at: number, path: readonly Digest[]): Digest =>
    path.length === height ? climb(item, at, path) : ZERO
  const wrong =
    differs('the program', task.program, commitProgram(program).id) ??
    differs('the inputs', task.inputsRoot, rootOf(tensorsTree(proof.inputs))) ??
    (segment === 0
      ? differs('the initial state', task.initialItem, startItem)
      : differs('the claim, above the start', root, above(startItem, segment - 1, proof.startPath))) ??
    differs('the claim, above the end', root, above(proof.item, segment, proof.itemPath))
  if (wrong) return wrong
  const steps = segmentSteps(task, segment)
  const runner = await executor.compile(program, proof.inputs)
  try {
    runner.load(start.state)
    for (let s = 0; s < steps; s++) {
      await runner.step()
      progress(s + 1, steps)
    }
    const reached = itemOf(runner)
    if (sameBytes(reached, proof.item)) return { equal: true, steps: [start.step, start.step + steps - 1] }
    const field = `the end of segment ${segment}`
    return { equal: false, field, committed: toHex(proof.item), recomputed: toHex(reached) }
  } finally {
    runner.close()
  }
}
