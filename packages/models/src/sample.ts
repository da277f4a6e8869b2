import type { Executor, Tensor } from '@lockstep/tensor'
import type { SampleConfig } from './language/generate.ts'
import { isLanguageModel } from './model.ts'
import { ModelError } from './model-error.ts'
import type { TrainedModel } from './model-file.ts'
import { generateProgram } from './programs.ts'
import { wordOf, wordTensor } from './word.ts'

/** The state a generation starts from: the prompt's tokens, padded with zeros to the capacity. */
export const generationState = (prompt: ArrayLike<number>, capacity: number, seed: number): Tensor[] => {
  if (prompt.length < 1 || prompt.length > capacity) {
    const limit = `1 to ${capacity} tokens`
    throw new ModelError('config-invalid', 'prompt', `${prompt.length} tokens`, limit, 'Give another prompt.')
  }
  const data = new Uint8Array(4 * capacity)
  const view = new DataView(data.buffer)
  for (let i = 0; i < prompt.length; i++) view.setUint32(4 * i, prompt[i]!, true)
  const text: Tensor = { dtype: 'u32', shape: [capacity], data }
  return [text, wordTensor(prompt.length), wordTensor(0), wordTensor(seed)]
}

/** The token ids that a generation state holds. */
export const generatedTokens = (state: readonly Tensor[]): Uint32Array<ArrayBuffer> => {
  const [text, length] = state
  const view = new DataView(text!.data.buffer, text!.data.byteOffset, text!.data.byteLength)
  return Uint32Array.from({ length: wordOf(length!) }, (_, i) => view.getUint32(4 * i, true))
}

export type SampleOptions = Partial<Omit<SampleConfig, 'capacity'>> & {
  readonly prompt: string
  readonly tokens: number // how many to add to the prompt
  readonly seed: number
}

/** Text from a trained model: runs the generation program `tokens` steps on an executor and decodes prompt and rest. */
export const sampleText = async (
  trained: TrainedModel,
  executor: Executor,
  { prompt, tokens, seed, temperature = 0.8, top = 0 }: SampleOptions,
): Promise<string> => {
  const { model, parameters, tokenizer } = trained
  if (!isLanguageModel(model) || !tokenizer) {
    const found = tokenizer ? model.kind : 'without tokenizer'
    throw new ModelError(
      'config-invalid',
      'model',
      found,
      'a model of text with its tokenizer',
      'Load another model.',
    )
  }
  const ids = tokenizer.encode(new TextEncoder().encode(prompt))
  const capacity = ids.length + tokens
  const program = generateProgram(model, { capacity, temperature, top })
  const runner = await executor.compile(program, parameters)
  try {
    runner.load(generationState(ids, capacity, seed))
    await runner.step(tokens)
    return new TextDecoder().decode(tokenizer.decode(generatedTokens(runner.state())))
  } finally {
    runner.close()
  }
}
