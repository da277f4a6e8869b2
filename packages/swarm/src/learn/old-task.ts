import { logsProgram, wordTensor } from '@lockstep/models'
import {
  type Claim,
  type CommittedProgram,
  commitProgram,
  rootOf,
  stepItem,
  type Task,
  tensorsTree,
} from '@lockstep/proof'
import type { Tensor } from '@lockstep/tensor'
import { rowsOf, type UpdatePlan } from './update.ts'

/** The program of what a policy thought before an update, with what commitments are made of. */
export const committedOld = ({ model, train, ...plan }: UpdatePlan): CommittedProgram =>
  commitProgram(logsProgram(model, train.batch, rowsOf(plan)))

/**
 * What a policy thought of an update's rows, as a proof task: its input `old` is what the steps of this one report, a
 * batch of rows each. Whoever says that another `old` follows from the parameters claims another history of this task.
 */
export const oldTask = (
  committed: CommittedProgram,
  { rows, train }: UpdatePlan,
  parameters: readonly Tensor[],
  tokens: Tensor,
): Task => ({
  committed,
  initial: [wordTensor(0)],
  inputs: [...parameters, tokens],
  ...{ steps: rows / train.batch, segmentLength: 1 },
})

/** The only claim about that task which gives this `old`. */
export const oldClaim = ({ rows, length, train }: UpdatePlan, old: Tensor): Claim => {
  const shape = [train.batch, length - 1]
  const bytes = 4 * train.batch * (length - 1)
  const root = (tensor: Tensor) => rootOf(tensorsTree([tensor]))
  return {
    checkpoints: Array.from({ length: rows / train.batch }, (_, part) => {
      const logs: Tensor = { dtype: 'f32', shape, data: old.data.slice(part * bytes, (part + 1) * bytes) }
      return stepItem(root(wordTensor(part + 1)), root(logs))
    }),
  }
}
