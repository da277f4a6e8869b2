import type { Program } from '@lockstep/tensor'
import type { ExamplesType } from './classify/examples.ts'
import type { GptConfig } from './gpt/config.ts'
import type { CorpusType } from './language/corpus-type.ts'
import type { SampleConfig } from './language/generate.ts'
import type { MlpConfig } from './mlp/config.ts'
import { evaluateProgram, generateProgram, trainProgram } from './programs.ts'
import type { TrainConfig } from './training/config.ts'

// The verbs for one kind each, by the names they had when there were two kinds.

export const gptTrainProgram = (config: GptConfig, train: TrainConfig, corpus: CorpusType): Program =>
  trainProgram({ kind: 'gpt', config }, train, corpus)
export const gptEvaluateProgram = (config: GptConfig, batch: number, corpus: CorpusType): Program =>
  evaluateProgram({ kind: 'gpt', config }, batch, corpus)
export const gptGenerateProgram = (config: GptConfig, sample: SampleConfig): Program =>
  generateProgram({ kind: 'gpt', config }, sample)
export const mlpTrainProgram = (config: MlpConfig, train: TrainConfig, examples: ExamplesType): Program =>
  trainProgram({ kind: 'mlp', config }, train, examples)
