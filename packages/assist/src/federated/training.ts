import {
  type CommittedProgram,
  commitProgram,
  digestOf,
  type Hex,
  rootOf,
  type Task,
  tensorsTree,
  toHex,
} from '@lockstep/proof'
import {
  type Executor,
  FaultError,
  type NamedType,
  type Program,
  type Result,
  type Tensor,
} from '@lockstep/tensor'
import { numbersIn } from './parameters.ts'

/**
 * What everybody in a round runs: one program of the machine, from the shared base, for a stated number of steps, over
 * inputs that come from one's own episodes. Episodes are their encodings here; only the training looks inside.
 */
export type RoundTraining = {
  /** Says which kind of assistant it is for; printable, at most 64 characters. */
  readonly name: string
  readonly program: Program
  readonly steps: number
  /** The f32 tensors that are shared: the first ones of the program's state. */
  readonly parameters: readonly NamedType[]
  /** The state that learning begins with: the same from the same parameters, everywhere. */
  begin(parameters: readonly Tensor[]): Tensor[]
  /** The program's inputs from episodes, for whoever begins with these parameters; bytes that are no episodes of it are a fault. */
  inputsOf(parameters: readonly Tensor[], episodes: readonly Uint8Array[]): Promise<Result<Tensor[]>>
  /** Mean bits a symbol of episodes by these parameters. */
  bits(parameters: readonly Tensor[], episodes: readonly Uint8Array[]): Promise<Result<number>>
}

export type ModelRoots = { readonly state: Hex; readonly parameters: Hex }

/** What whoever learned says of it, so that whoever has the inputs can run it again. */
export type UpdateReceipt = {
  readonly program: Hex
  readonly steps: number
  readonly before: ModelRoots
  readonly after: ModelRoots
  /** Digests of the inputs, in the program's order: they bind the data without showing it. */
  readonly inputs: readonly Hex[]
  /** The root of what the last step reports. */
  readonly outputs: Hex
}

/** A training with what every receipt of it has in common. */
export type PreparedTraining = RoundTraining & {
  readonly committed: CommittedProgram
  readonly id: Hex
}

/** Commits the program, once. A training whose shared tensors are not the first of its state, in f32, is refused. */
export const prepareTraining = (training: RoundTraining): PreparedTraining => {
  for (const [i, { name, dtype, shape }] of training.parameters.entries()) {
    const found = training.program.state[i]
    const isSame = found !== undefined && found.dtype === dtype && `${found.shape}` === `${shape}`
    if (dtype === 'f32' && isSame) continue
    throw new FaultError({
      ...{ code: 'training-unsuited', field: `parameters.${name}`, value: `${dtype} [${shape}]` },
      limit: "f32, as tensor number i of the program's state",
      remedy: 'Name the tensors that a training learns as its program has them.',
    })
  }
  const committed = commitProgram(training.program)
  return { ...training, committed, id: toHex(committed.id) }
}

export const rootsOf = (training: RoundTraining, state: readonly Tensor[]): ModelRoots => ({
  state: tensorsRoot(state),
  parameters: tensorsRoot(state.slice(0, training.parameters.length)),
})

export const tensorsRoot = (tensors: readonly Tensor[]): Hex => toHex(rootOf(tensorsTree(tensors)))

/** What learning came to. */
export type Learned = { readonly parameters: readonly Tensor[]; readonly receipt: UpdateReceipt }

/** Learns from inputs for the training's steps. The same base and inputs give the same bits and the same receipt. */
export const learnFrom = async (
  executor: Executor,
  training: PreparedTraining,
  base: readonly Tensor[],
  inputs: readonly Tensor[],
): Promise<Learned> => {
  const { program, steps, id } = training
  const before = training.begin(base)
  const runner = await executor.compile(program, inputs)
  try {
    runner.load(before)
    await runner.step(steps)
    const state = runner.state()
    const receipt = {
      ...{ program: id, steps, before: rootsOf(training, before), after: rootsOf(training, state) },
      inputs: inputs.map((tensor) => toHex(digestOf(tensor))),
      outputs: tensorsRoot(runner.outputs()),
    }
    return { parameters: state.slice(0, training.parameters.length), receipt }
  } finally {
    runner.close()
  }
}

/**
 * The same learning as a task of the network: whoever has the inputs can claim, audit and dispute it like any other. Its
 * fields are what `receiptTaskFields` of the swarm package reads off the receipt.
 */
export const learningTask = (
  training: PreparedTraining,
  base: readonly Tensor[],
  inputs: readonly Tensor[],
): Task => {
  const { committed, steps } = training
  return { committed, initial: training.begin(base), inputs, steps, segmentLength: steps }
}

/** Bytes of the shared tensors of a training. */
export const parameterBytes = ({ parameters }: Pick<RoundTraining, 'parameters'>): number =>
  4 * parameters.reduce((sum, type) => sum + numbersIn(type), 0)
