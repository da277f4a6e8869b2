/**
 * Networks as programs of the machine, and the files around them.
 *
 * A model is a kind and a configuration. From it come the parameters (`parametersOf`), a state to start from
 * (`initialState`), and programs whose every step is a task's step: training, evaluation, generation. Everything a
 * step draws, its data and its dropped activations, comes from its seed and step words, so a run has no hidden inputs.
 *
 *   const { train } = splitCorpus(text, byteTokenizer, DEFAULT_GPT.context + 1)
 *   const program = gptTrainProgram(DEFAULT_GPT, DEFAULT_TRAIN, { tokens: train.shape[0]!, dtype: 'u8' })
 *   const runner = await executor.compile(program, [train])
 *   runner.load(initialState({ kind: 'gpt', config: DEFAULT_GPT }, seed))
 *   await runner.step(DEFAULT_TRAIN.steps)
 *
 * - Data: `splitCorpus`, `tokenTensor`, tokenizers (`byteTokenizer`, `trainBpe`, `loadTokenizer`).
 * - Models: `GptConfig`, `MlpConfig`, `TrainConfig`, `parametersOf`, `initialParameters`, `initialState`.
 * - Programs: `gptTrainProgram`, `gptEvaluateProgram`, `gptGenerateProgram`, `mlpTrainProgram`, `mlpEvaluateProgram`.
 * - Many workers: `shardCorpus`, `padState`, `padTensors`, `averageProgram`.
 * - Text from a trained model: `sampleText`, or `generationState` and `generatedTokens` around a runner of one's own.
 * - Files: `saveModel` and `loadModel`; `encodeTensors` and `decodeTensors` for states and inputs; safetensors in general by `encodeSafetensors` and `decodeSafetensors`.
 *
 * Nothing here has a clock, a disk or randomness of its own. Errors are ModelError: code, field, value, limit, remedy.
 */

export { type Corpus, splitCorpus, tokenTensor } from './corpus.ts'
export { DEFAULT_GPT, type GptConfig } from './gpt/config.ts'
export { evaluationSteps, gptEvaluateProgram } from './gpt/evaluate.ts'
export { gptGenerateProgram, type SampleConfig } from './gpt/generate.ts'
export { type CorpusType, gptTrainProgram } from './gpt/train.ts'
export { initialParameters, initialState } from './init/initial-state.ts'
export type { MlpConfig } from './mlp/config.ts'
export { mlpEvaluateProgram } from './mlp/evaluate.ts'
export { type ExamplesType, mlpTrainProgram } from './mlp/train.ts'
export { type Model, parametersOf } from './model.ts'
export { ModelError, type ModelErrorCode } from './model-error.ts'
export { loadModel, saveModel, type TrainedModel } from './model-file.ts'
export { averageProgram } from './parallel/average.ts'
export { padState, padTensors } from './parallel/pad-state.ts'
export { shardCorpus } from './parallel/shard.ts'
export { type Parameter, parameterCount } from './parameter.ts'
export { decodeSafetensors, MAX_HEADER_BYTES, type Safetensors } from './safetensors/decode.ts'
export { encodeSafetensors } from './safetensors/encode.ts'
export { generatedTokens, generationState, type SampleOptions, sampleText } from './sample.ts'
export { decodeTensors, encodeTensors, namedTensors, pickTensors } from './tensors-file.ts'
export { bpeTokenizer, MAX_TOKEN_BYTES, MAX_VOCAB, type Merge } from './tokenizer/bpe.ts'
export { byteTokenizer } from './tokenizer/byte-tokenizer.ts'
export { loadTokenizer, MAX_TOKENIZER_CHARACTERS } from './tokenizer/load-tokenizer.ts'
export type { Tokenizer } from './tokenizer/tokenizer.ts'
export { trainBpe } from './tokenizer/train-bpe.ts'
export { DEFAULT_TRAIN, type TrainConfig } from './training/config.ts'
export { f32Tensor, f32Values, wordOf, wordTensor } from './word.ts'
