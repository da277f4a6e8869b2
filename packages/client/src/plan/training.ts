import {
  byteTokenizer,
  initialState,
  type LanguageModel,
  splitCorpus,
  type Tokenizer,
  type TrainConfig,
  trainBpe,
  trainProgram,
} from '@lockstep/models'
import { commitProgram, type Task, validateTask } from '@lockstep/proof'
import { type Program, type Tensor, unwrap } from '@lockstep/tensor'
import { modelOf } from '../manifest/model-schema.ts'
import type { Manifest } from '../manifest/schema.ts'

/** What a manifest and its text stand for, before anything large is made: enough to say what it will take. */
export type TrainingPlan = {
  readonly model: LanguageModel
  readonly train: TrainConfig
  readonly tokenizer: Tokenizer
  readonly program: Program
  readonly corpus: Tensor
  readonly heldOut: Tensor
  readonly seed: number
  readonly steps: number
  readonly segmentLength: number
}

/** The same with the task that everyone agrees about, its initial state included. */
export type Training = TrainingPlan & { readonly task: Task }

export const planFrom = (manifest: Manifest, text: Uint8Array): TrainingPlan => {
  const { data } = manifest
  const cut = text.length - Math.floor(text.length * data.heldOut)
  const tokenizer = tokenizerFor(manifest, text.subarray(0, cut))
  const corpus = splitCorpus(text, tokenizer, manifest.model.context + 1, data.heldOut)
  return planOf(manifest, tokenizer, corpus.train, corpus.heldOut)
}

/** The same from what a run directory keeps instead of the text. */
export const planOf = (
  manifest: Manifest,
  tokenizer: Tokenizer,
  corpus: Tensor,
  heldOut: Tensor,
): TrainingPlan => {
  const { training, segments } = manifest
  const { seed, ...train } = training
  const model = modelOf(manifest.model, tokenizer.vocabSize)
  const type = { tokens: corpus.shape[0]!, dtype: corpus.dtype as 'u8' | 'u32' }
  return {
    model,
    train,
    tokenizer,
    program: unwrap(validateTask(trainProgram(model, train, type))),
    corpus,
    heldOut,
    seed,
    steps: train.steps,
    segmentLength: segments.every,
  }
}

export const trainingOf = (plan: TrainingPlan): Training => ({
  ...plan,
  task: {
    committed: commitProgram(plan.program),
    initial: initialState(plan.model, plan.seed, plan.train),
    inputs: [plan.corpus],
    steps: plan.steps,
    segmentLength: plan.segmentLength,
  },
})

export const tokenizerFor = ({ tokenizer }: Manifest, text: Uint8Array): Tokenizer =>
  tokenizer === 'byte' ? byteTokenizer : trainBpe(text, tokenizer.bpe)
