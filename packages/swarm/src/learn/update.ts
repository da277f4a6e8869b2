import {
  f32Values,
  initialState,
  type LanguageModel,
  logsProgram,
  type PolicyConfig,
  parametersOf,
  policyProgram,
  type RowsType,
  type TrainConfig,
  wordTensor,
} from '@lockstep/models'
import { type CommittedProgram, commitProgram, type Task } from '@lockstep/proof'
import type { Executor, Tensor } from '@lockstep/tensor'
import { type Lesson, policyInputs, rowTensors } from './lesson.ts'

/** How a participant learns from a round's answers. Numbers are f32: `train.precision` stays away. */
export type UpdatePlan = {
  readonly model: LanguageModel
  readonly train: TrainConfig // its `batch` rows are learned from at a time
  readonly rows: number // answers of a round: `train.batch` times a power of two
  readonly length: number // tokens of a prompt and an answer together
  readonly epochs: number // times a round's answers are gone over
  readonly policy: PolicyConfig
}

export type Update = {
  readonly state: Tensor[]
  /** What anybody who has the state before it can run again: the same inputs and steps give the same state. */
  readonly inputs: readonly Tensor[]
  /** What the last step reports. */
  readonly outputs: readonly Tensor[]
  readonly loss: number
  /** Mean nats of the answers' tokens by the policy as it was: of its own answers, an estimate of its entropy. */
  readonly nats: number
}

export type Updater = {
  readonly plan: UpdatePlan
  readonly update: (state: readonly Tensor[], lessons: readonly Lesson[]) => Promise<Update>
  readonly close: () => void
}

/** The rows of an update's inputs. */
export const rowsOf = ({ rows, length }: Pick<UpdatePlan, 'rows' | 'length'>): RowsType => ({
  rows,
  length,
  dtype: 'u32',
})

export const updateSteps = ({ rows, epochs, train }: UpdatePlan): number => (epochs * rows) / train.batch

/** Parameters of a training state whose numbers are all f32. */
export const parametersIn = (model: LanguageModel, state: readonly Tensor[]): readonly Tensor[] =>
  state.slice(0, parametersOf(model).length)

/** The state that learning goes on from where parameters come from elsewhere: no moments, step 0. */
export const stateFrom = (
  model: LanguageModel,
  train: TrainConfig,
  parameters: readonly Tensor[],
  seed: number,
): Tensor[] => initialState(model, seed, train).map((tensor, i) => parameters[i] ?? tensor)

/** Updates by two programs that are compiled once: what the policy thinks of the answers, and the steps that follow. */
export const createUpdater = async (executor: Executor, plan: UpdatePlan): Promise<Updater> => {
  const { model, train } = plan
  const rows = rowsOf(plan)
  const state0 = initialState(model, 0, train)
  const empty = { dtype: 'f32', shape: [rows.rows, rows.length - 1] } as const
  const bytes = 4 * rows.rows * (rows.length - 1)
  const nothing: Tensor = { ...empty, data: new Uint8Array(bytes) }
  const thinking = await executor.compile(logsProgram(model, train.batch, rows), [
    ...parametersIn(model, state0),
    rowTensors([], rows)[0],
  ])
  const learning = await executor.compile(
    policyProgram(model, train, rows, plan.policy),
    policyInputs([], rows, nothing),
  )

  const logsOf = async (parameters: readonly Tensor[], tokens: Tensor): Promise<Tensor> => {
    thinking.give([...parameters, tokens])
    thinking.load([wordTensor(0)])
    const data = new Uint8Array(bytes)
    for (let part = 0; part < rows.rows / train.batch; part++) {
      await thinking.step()
      const logs = thinking.outputs()[0]!.data
      data.set(logs, part * logs.length)
    }
    return { ...empty, data }
  }

  return {
    plan,
    update: async (state, given) => {
      const lessons = spreadOut(given, plan)
      const [tokens, from, until] = rowTensors(lessons, rows)
      const old = await logsOf(parametersIn(model, state), tokens)
      const inputs = policyInputs(lessons, rows, old)
      learning.give(inputs)
      learning.load(state)
      await learning.step(updateSteps(plan))
      const outputs = learning.outputs()
      return {
        state: learning.state(),
        ...{ inputs, outputs },
        loss: f32Values(outputs[0]!)[0]!,
        nats: meanNats(f32Values(old), from, until, rows),
      }
    },
    close: () => {
      thinking.close()
      learning.close()
    },
  }
}

const meanNats = (logs: Float32Array, from: Tensor, until: Tensor, { rows, length }: RowsType): number => {
  const [a, b] = [from, until].map(({ data }) => new DataView(data.buffer, data.byteOffset)) as [
    DataView,
    DataView,
  ]
  let [nats, count] = [0, 0]
  for (let r = 0; r < rows; r++)
    for (let place = a.getUint32(4 * r, true); place < b.getUint32(4 * r, true); place++) {
      nats -= logs[r * (length - 1) + place - 1]!
      count++
    }
  return count === 0 ? 0 : nats / count
}

/** The program of an update, with what commitments are made of. */
export const committedUpdate = (plan: UpdatePlan): CommittedProgram =>
  commitProgram(policyProgram(plan.model, plan.train, rowsOf(plan), plan.policy))

/** An update as a task that can be claimed, audited and disputed like any training. */
export const updateTask = (
  committed: CommittedProgram,
  plan: UpdatePlan,
  initial: readonly Tensor[],
  inputs: readonly Tensor[],
): Task => ({ committed, initial, inputs, steps: updateSteps(plan), segmentLength: 1 })

/**
 * Lessons dealt out to the batches of an epoch in turn, so that each has something to learn from where there are few, and
 * the answers of a group meet different ones. Rows that are left are empty.
 */
const spreadOut = (
  lessons: readonly Lesson[],
  { rows, train: { batch } }: UpdatePlan,
): (Lesson | undefined)[] => {
  const parts = rows / batch
  return Array.from({ length: rows }, (_, r) => lessons[(r % batch) * parts + Math.floor(r / batch)])
}
