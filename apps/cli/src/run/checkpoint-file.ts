import { namedTensors, pickTensors } from '@lockstep/models'
import { type Digest, rootOf, stepItem, tensorsTree, toHex } from '@lockstep/proof'
import type { NamedType, Program, Tensor } from '@lockstep/tensor'
import { badInput } from '../cli-error.ts'
import { readTensors, writeTensors } from './tensor-file.ts'

/** Where a task stands after some steps: what a step item commits to. Before the first step there are no outputs. */
export type Checkpoint = {
  readonly step: number
  readonly state: readonly Tensor[]
  readonly outputs: readonly Tensor[]
}

const FORMAT = 'lockstep-checkpoint-1'
const CHECKPOINT_REMEDY = '`lockstep train RUN` makes it again from the one before it.'

export const checkpointItem = ({ state, outputs }: Checkpoint): Digest =>
  stepItem(rootOf(tensorsTree(state)), rootOf(tensorsTree(outputs)))

/** Writes a checkpoint under its item, which takes a while to compute where it is not known. */
export const writeCheckpoint = async (
  path: string,
  program: Program,
  checkpoint: Checkpoint,
  item: Digest = checkpointItem(checkpoint),
): Promise<Digest> => {
  await writeTensors(
    path,
    [
      ...namedTensors(program.state, checkpoint.state, 'state/'),
      ...(checkpoint.step === 0 ? [] : namedTensors(program.outputs, checkpoint.outputs, 'outputs/')),
    ],
    { format: FORMAT, step: String(checkpoint.step), item: toHex(item) },
  )
  return item
}

/** Reads a checkpoint of this program at this step, and checks every byte of it against the item it was written with. */
export const readCheckpoint = async (
  path: string,
  program: Program,
  step: number,
): Promise<{ readonly checkpoint: Checkpoint; readonly item: Digest }> => {
  const outputs = step === 0 ? [] : outputTypes(program)
  const types = [...program.state, ...outputs]
  const { tensors, metadata } = await readTensors(path, types, CHECKPOINT_REMEDY)
  const expect = (field: string, value: unknown, limit: unknown): void => {
    if (value !== limit)
      throw badInput('file-damaged', `${field} of ${path}`, value, limit, CHECKPOINT_REMEDY)
  }
  expect('format', metadata.get('format'), FORMAT)
  expect('step', metadata.get('step'), String(step))
  expect('tensors', tensors.size, types.length)
  const checkpoint = {
    step,
    state: pickTensors(path, tensors, program.state, CHECKPOINT_REMEDY, 'state/'),
    outputs: pickTensors(path, tensors, outputs, CHECKPOINT_REMEDY, 'outputs/'),
  }
  const item = checkpointItem(checkpoint)
  expect('item', metadata.get('item'), toHex(item))
  return { checkpoint, item }
}

/** What a program reports, as types under the names it gives them. */
export const outputTypes = (program: Program): NamedType[] =>
  program.outputs.map(({ name, ref }) => {
    const lists = { node: program.nodes, state: program.state, input: program.inputs } as const
    const { dtype, shape } = lists[ref.from][ref.index]!
    return { name, dtype, shape }
  })
