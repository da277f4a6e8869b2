/**
 * Networks as programs of the machine, and the files around them.
 *
 * A model is a kind and a configuration. From it come the parameters (`parametersOf`), a state to start from
 * (`initialState`), and programs whose every step is a task's step: training, evaluation, generation. Everything a
 * step draws, its data and its dropped activations, comes from its seed and step words, so a run has no hidden inputs.
 *
 *   const model = { kind: 'gpt', config: DEFAULT_GPT } as const
 *   const { train } = splitCorpus(text, byteTokenizer, DEFAULT_GPT.context + 1)
 *   const program = trainProgram(model, DEFAULT_TRAIN, { tokens: train.shape[0]!, dtype: 'u8' })
 *   const runner = await executor.compile(program, [train])
 *   runner.load(initialState(model, seed))
 *   await runner.step(DEFAULT_TRAIN.steps)
 *
 * - Data: `splitCorpus`, `tokenTensor`, tokenizers (`byteTokenizer`, `trainBpe`, `loadTokenizer`).
 * - Models: `gpt`, `llama`, `mlp` and `resnet`; `parametersOf`, `initialParameters`, `initialState`.
 * - Programs of any of them: `trainProgram`, `evaluateProgram`; of models of text
 *   `generateProgram`, and with a cache of keys and values `prefillProgram` and `decodeProgram`; `examplesProgram`,
 *   which learns a part of each text, `policyProgram` and `logsProgram`, which learn from scored completions.
 * - Many workers: `shardCorpus`, `padState`, `padTensors`, `averageProgram`.
 * - Text from a trained model: `sampleText`, or `generationState` and `generatedTokens` (with a cache: `cachedState` and
 *   `cachedTokens`) around a runner of one's own; `storedTensors` for weights in bf16 or int8.
 * - Files: `saveModel` and `loadModel`; `importHub` and `exportHub` for config.json and weights as the field's hub has
 *   them; `encodeTensors` and `decodeTensors` for states and inputs; safetensors in general by `encodeSafetensors` and `decodeSafetensors`.
 *
 * Nothing here has a clock, a disk or randomness of its own. Errors are ModelError: code, field, value, limit, remedy.
 */

export type { ExamplesType } from './classify/examples.ts'
export { type Corpus, splitCorpus, tokenTensor } from './corpus.ts'
export { DEFAULT_GPT, type GptConfig } from './gpt/config.ts'
export { exportHub, type HubFiles } from './hub/export.ts'
export { importHub } from './hub/import.ts'
export { initialParameters, initialState } from './init/initial-state.ts'
export { philox } from './init/philox.ts'
export type { Advice, Preference } from './language/advised.ts'
export type { CachedConfig } from './language/cached.ts'
export type { CorpusType } from './language/corpus-type.ts'
export { evaluationSteps } from './language/evaluate.ts'
export type { SampleConfig } from './language/generate.ts'
export type { RowsType } from './language/rows.ts'
export { DEFAULT_LLAMA, type LlamaConfig } from './llama/config.ts'
export type { MlpConfig } from './mlp/config.ts'
export {
  type Architecture,
  type ClassifierModel,
  isLanguageModel,
  KINDS,
  type Kind,
  type LanguageConfigs,
  type LanguageModel,
  type Model,
  parametersOf,
} from './model.ts'
export { ModelError, type ModelErrorCode } from './model-error.ts'
export { loadModel, saveModel, type TrainedModel } from './model-file.ts'
export { averageProgram } from './parallel/average.ts'
export { padState, padTensors } from './parallel/pad-state.ts'
export { shardCorpus } from './parallel/shard.ts'
export { type Parameter, type ParameterKind, parameterCount } from './parameter.ts'
export {
  type AdvisedPrograms,
  advisedPrograms,
  type DataOf,
  decodeProgram,
  evaluateProgram,
  examplesProgram,
  generateProgram,
  logsProgram,
  policyProgram,
  prefillProgram,
  trainProgram,
} from './programs.ts'
export { DEFAULT_RESNET, type ResnetConfig, type ResnetStage } from './resnet/config.ts'
export { decodeSafetensors, MAX_HEADER_BYTES, type Safetensors } from './safetensors/decode.ts'
export { encodeSafetensors } from './safetensors/encode.ts'
export {
  cachedDone,
  cachedState,
  cachedTokens,
  generatedTokens,
  generationState,
  type SampleOptions,
  sampleText,
} from './sample.ts'
export { type Storage, storedTensors, storedTypes } from './storage.ts'
export { decodeTensors, encodeTensors, namedTensors, pickTensors } from './tensors-file.ts'
export { bpeTokenizer, MAX_TOKEN_BYTES, MAX_VOCAB, type Merge } from './tokenizer/bpe.ts'
export { byteTokenizer } from './tokenizer/byte-tokenizer.ts'
export { loadTokenizer, MAX_TOKENIZER_CHARACTERS } from './tokenizer/load-tokenizer.ts'
export type { Tokenizer } from './tokenizer/tokenizer.ts'
export { trainBpe } from './tokenizer/train-bpe.ts'
export { globalNorm } from './training/adamw.ts'
export { DEFAULT_TRAIN, type Group, type Groups, type TrainConfig } from './training/config.ts'
export type { Optimiser } from './training/optimiser.ts'
export type { PolicyConfig } from './training/policy-loss.ts'
export type { Precision } from './training/precision.ts'
export type { Schedule } from './training/schedule.ts'
export { trainedParameters } from './training/trained-parameters.ts'
export { f32Tensor, f32Values, u32Tensor, u32Values, wordOf, wordTensor } from './word.ts'
