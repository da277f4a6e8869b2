import type { Program, Tensor } from '@lockstep/tensor'
import { classifierEvaluation } from './classify/evaluate.ts'
import type { ExamplesType } from './classify/examples.ts'
import { classifierTraining } from './classify/train.ts'
import { initialParameters } from './init/initial-state.ts'
import {
  type Advice,
  advisedLogs,
  advisedNext,
  advisedParameters,
  advisedReading,
  advisedTraining,
  type Preference,
} from './language/advised.ts'
import { type CachedConfig, languageDecode, languagePrefill } from './language/cached.ts'
import type { CorpusType } from './language/corpus-type.ts'
import { languageEvaluation } from './language/evaluate.ts'
import { languageGeneration, type SampleConfig } from './language/generate.ts'
import { languageExamples, languageLogs, languagePolicy } from './language/policy.ts'
import type { RowsType } from './language/rows.ts'
import { languageTraining } from './language/train.ts'
import { type LanguageModel, type Model, networkOf } from './model.ts'
import { elementsOf, type Parameter } from './parameter.ts'
import type { TrainConfig } from './training/config.ts'
import type { PolicyConfig } from './training/policy-loss.ts'
import { f32Tensor } from './word.ts'

/** What a model is trained on and evaluated with: a text, or a table of examples. */
export type DataOf<M extends Model> = M extends LanguageModel ? CorpusType : ExamplesType

/** One training step of a model: see `languageTraining` and `classifierTraining` for its state, inputs and outputs. */
export const trainProgram = <M extends Model>(model: M, train: TrainConfig, data: DataOf<M>): Program => {
  const network = networkOf(model)
  return network.family === 'language'
    ? languageTraining(network, train, data as CorpusType)
    : classifierTraining(network, train, data as ExamplesType)
}

/** One step of evaluating a model on `batch` windows or rows: see `languageEvaluation` and `classifierEvaluation`. */
export const evaluateProgram = <M extends Model>(model: M, batch: number, data: DataOf<M>): Program => {
  const network = networkOf(model)
  return network.family === 'language'
    ? languageEvaluation(network, batch, data as CorpusType)
    : classifierEvaluation(network, batch, data as ExamplesType)
}

/** One more token of a text of any length, whose last context tokens are read anew: see `languageGeneration`. */
export const generateProgram = (model: LanguageModel, sample: SampleConfig): Program =>
  languageGeneration(networkOf(model), sample)

/** The step that reads prompts of up to `prompt` tokens at once, before decoding: see `languagePrefill`. */
export const prefillProgram = (model: LanguageModel, sample: CachedConfig, prompt: number): Program =>
  languagePrefill(networkOf(model), sample, prompt)

/** One more token of each of some texts, with what was computed of the others kept: see `languageDecode`. */
export const decodeProgram = (model: LanguageModel, sample: CachedConfig): Program =>
  languageDecode(networkOf(model), sample)

/** One training step on texts of which only a part is learned, as answers to questions are: see `languageExamples`. */
export const examplesProgram = (model: LanguageModel, train: TrainConfig, rows: RowsType): Program =>
  languageExamples(networkOf(model), train, rows)

/** One step of a policy update from completions and their advantages: see `languagePolicy`. */
export const policyProgram = (
  model: LanguageModel,
  train: TrainConfig,
  rows: RowsType,
  policy: PolicyConfig = {},
): Program => languagePolicy(networkOf(model), train, rows, policy)

/** Logarithms of the probabilities that a model gives the tokens of some texts: see `languageLogs`. */
export const logsProgram = (model: LanguageModel, batch: number, rows: RowsType): Program =>
  languageLogs(networkOf(model), batch, rows)

/** Programs of a model of text beside an adviser: see `advisedTraining` and what follows it. */
export type AdvisedPrograms = {
  readonly parameters: readonly Parameter[]
  /** Parameters to begin with: the gate is open, and the network says next to nothing. */
  readonly first: (seed: number) => Tensor[]
  readonly train: (train: TrainConfig, rows: RowsType, preference?: Preference) => Program
  readonly logs: (batch: number, rows: RowsType) => Program
  readonly reading: (tokens: number) => Program
  readonly next: () => Program
}

export const advisedPrograms = (model: LanguageModel, advice: Advice): AdvisedPrograms => {
  const network = networkOf(model)
  const parameters = advisedParameters(network, advice)
  return {
    parameters,
    first: (seed) => [
      ...initialParameters(model, seed),
      ...parameters
        .slice(network.parameters.length)
        .map(({ shape }) => f32Tensor(shape, new Float32Array(elementsOf(shape)))),
    ],
    train: (train, rows, preference) => advisedTraining(network, advice, train, rows, preference),
    logs: (batch, rows) => advisedLogs(network, advice, batch, rows),
    reading: (tokens) => advisedReading(network, advice, tokens),
    next: () => advisedNext(network, advice),
  }
}
