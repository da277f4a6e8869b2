import { commitProgram, rootOf, type Task, taskFields, tensorsTree, validateTask } from '@lockstep/proof'
import {
  decodeProgram,
  estimateProgram,
  type Fault,
  type NamedType,
  type Program,
  sameShape,
  type Tensor,
} from '@lockstep/tensor'
import { readAnyCheckpoint } from './checkpoint-file.ts'
import { readFileOf } from './read-file.ts'
import { runFault } from './run-fault.ts'
import type { InputFile, RunSpec } from './run-spec.ts'
import { readTensors } from './tensors-file.ts'

const MAX_PROGRAM_BYTES = 2 ** 27
/** What the process takes before a program is loaded. */
const PROCESS_BYTES = 128 * 2 ** 20

export type Loading = Pick<
  RunSpec,
  'program' | 'initial' | 'atCheckpoint' | 'inputs' | 'steps' | 'segmentLength' | 'expect'
>

/**
 * Reads a task from its files, nothing of which is believed: sizes, the program's validity, types, and what the task
 * commits to where that is known. Anything wrong is a FaultError that names the file.
 */
export const loadTask = async (spec: Loading, memory: number): Promise<Task> => {
  const program = await loadProgram(spec.program)
  const { state, inputs } = estimateProgram(program)
  // The state is held in the executor and in a copy that is being written, the inputs in the executor and as loaded.
  const needed = PROCESS_BYTES + 2 * state + 2 * inputs
  if (needed > memory)
    throw runFault(
      'run-over-memory',
      `memory of ${spec.program}`,
      `at least ${needed} bytes`,
      `${memory} bytes`,
      'Raise the limit, or bid on smaller tasks.',
    )
  const task: Task = {
    committed: commitProgram(program),
    ...(await loadInitial(spec, program)),
    inputs: await loadInputs(spec.inputs, program.inputs),
    steps: spec.steps,
    segmentLength: spec.segmentLength,
  }
  if (spec.expect !== undefined) requireSame(taskFields(task), spec.expect)
  return task
}

/** A part of a task begins with what the step before it reported, too. */
const loadInitial = async (
  { initial, atCheckpoint }: Loading,
  program: Program,
): Promise<Pick<Task, 'initial' | 'initialOutputs'>> => {
  if (!atCheckpoint) return { initial: await readTensors(initial, program.state) }
  const { state, outputs } = await readAnyCheckpoint(initial, program)
  return { initial: state, initialOutputs: rootOf(tensorsTree(outputs)) }
}

const loadProgram = async (path: string): Promise<Program> => {
  const bytes = await readFileOf(path, MAX_PROGRAM_BYTES)
  const decoded = decodeProgram(bytes)
  const valid = decoded.ok ? validateTask(decoded.value) : decoded
  if (valid.ok) return valid.value
  throw about(path, valid.fault)
}

const about = (path: string, { field, value, limit, remedy }: Fault) =>
  runFault('run-invalid', `${field} of ${path}`, value, limit, remedy)

const loadInputs = async (files: readonly InputFile[], types: readonly NamedType[]): Promise<Tensor[]> => {
  const [only] = files
  if (files.length === 1 && only!.stateOf === undefined) return readTensors(only!.path, types)
  const found: Tensor[] = []
  for (const { path, stateOf } of files) {
    if (stateOf === undefined)
      throw runFault(
        'run-invalid',
        `stateOf of ${path}`,
        'missing',
        'a program',
        'Say whose state each of the files is.',
      )
    found.push(...(await readTensors(path, (await loadProgram(stateOf)).state)))
  }
  if (found.length !== types.length)
    throw runFault(
      'run-invalid',
      'inputs',
      `${found.length} tensors`,
      types.length,
      'Name every file, in order.',
    )
  for (const [i, { name, dtype, shape }] of types.entries()) {
    const { dtype: d, shape: s } = found[i]!
    if (d !== dtype || !sameShape(s, shape))
      throw runFault(
        'run-invalid',
        `input ${name}`,
        `${d} [${s}]`,
        `${dtype} [${shape}]`,
        'Name the files in order.',
      )
  }
  return found
}

const requireSame = (
  found: ReturnType<typeof taskFields>,
  expected: NonNullable<Loading['expect']>,
): void => {
  for (const field of Object.keys(expected) as (keyof typeof found)[]) {
    if (found[field] === expected[field]) continue
    throw runFault(
      'run-invalid',
      `${field} of the task`,
      found[field],
      expected[field],
      'The files are not those that the task names: fetch them again.',
    )
  }
}
