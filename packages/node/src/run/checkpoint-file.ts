import { encodeTensors } from '@lockstep/models'
import { type Digest, rootOf, stepItem, tensorsTree, toHex } from '@lockstep/proof'
import type { NamedType, Program, Tensor } from '@lockstep/tensor'
import { runFault } from './run-fault.ts'
import { readTensors } from './tensors-file.ts'

/** Where a task stands after some steps: what a step item commits to. */
export type Checkpoint = { readonly state: readonly Tensor[]; readonly outputs: readonly Tensor[] }

export const checkpointItem = ({ state, outputs }: Checkpoint): Digest =>
  stepItem(rootOf(tensorsTree(state)), rootOf(tensorsTree(outputs)))

/** The bytes of a checkpoint, state first: equal ones have equal files, whoever writes them. */
export const encodeCheckpoint = (program: Program, checkpoint: Checkpoint): Uint8Array<ArrayBuffer> =>
  encodeTensors(checkpointTypes(program), [...checkpoint.state, ...checkpoint.outputs])

/** Reads a checkpoint of this program, whatever it says. Anything else is a FaultError. */
export const readAnyCheckpoint = async (path: string, program: Program): Promise<Checkpoint> => {
  const tensors = await readTensors(path, checkpointTypes(program))
  const states = program.state.length
  return { state: tensors.slice(0, states), outputs: tensors.slice(states) }
}

/** Reads a checkpoint of this program, every byte of which is under this item. Anything else is a FaultError. */
export const readCheckpoint = async (path: string, program: Program, item: Digest): Promise<Checkpoint> => {
  const checkpoint = await readAnyCheckpoint(path, program)
  const found = toHex(checkpointItem(checkpoint))
  if (found === toHex(item)) return checkpoint
  const remedy = 'It is damaged or of another run: fetch it again.'
  throw runFault('run-invalid', `item of ${path}`, found, toHex(item), remedy)
}

/** The tensors of a program's checkpoints. */
const checkpointTypes = (program: Program): NamedType[] => [...program.state, ...outputTypes(program)]

/** What a program reports, as types under the names it gives them. */
const outputTypes = (program: Program): NamedType[] =>
  program.outputs.map(({ name, ref }) => {
    const lists = { node: program.nodes, state: program.state, input: program.inputs } as const
    const { dtype, shape } = lists[ref.from][ref.index]!
    return { name, dtype, shape }
  })
