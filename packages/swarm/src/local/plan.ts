import type { LanguageModel, PolicyConfig, TrainConfig } from '@lockstep/models'
import type { Tensor } from '@lockstep/tensor'
import type { Coding } from '../learn/coding.ts'
import type { Families } from '../learn/group.ts'
import type { OthersAnswers } from '../learn/lesson.ts'
import type { Choosing } from '../learn/select.ts'
import type { TaskKind } from '../share/own-tasks.ts'

/** A kind of participant: what its model is, how it writes, and where it starts. */
export type Build = {
  readonly model: LanguageModel
  readonly coding: Coding
  readonly start: readonly Tensor[] // parameters, of a warm start
  readonly prompt: number // tokens of a prompt at most
  readonly answer: number // tokens of an answer at most
  readonly train: TrainConfig
}

/** A whole swarm in one process. */
export type LocalPlan = {
  readonly seed: number
  readonly families: Families
  readonly kinds: readonly TaskKind[] // what tasks are drawn from
  readonly builds: readonly Build[]
  readonly members: readonly number[] // the build of each participant
  readonly strangers?: number // further accounts with tasks of their own, for which only the intruder speaks
  readonly groups: number // that each generates in a round, whatever it learns from
  readonly budget?: number // groups that it generates at most where fewer than `local` teach; `groups` if absent
  readonly groupSize: number // answers of a group
  readonly reward: 'score' | 'right' // what is learned from and reported: scores, or 1 for a score of 100 and else 0
  readonly local: number // groups of its own that a participant learns from, at most
  readonly external: number // groups of others, at most
  readonly choosing: Choosing
  readonly fromOthers?: Choosing // how groups of others are chosen; as `choosing` if absent
  readonly others?: OthersAnswers // what is learned of others' groups; `whole` if absent
  readonly temperature: number
  readonly epochs: number
  readonly policy: PolicyConfig
  readonly heldOut: number // tasks of each kind that are evaluated
}
