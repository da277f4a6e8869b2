import { DTYPES, type Executor, type Program, type Tensor } from '@lockstep/tensor'
import { type CachedConfig, cachedStateTypes } from './language/cached.ts'
import type { SampleConfig } from './language/generate.ts'
import { isLanguageModel, type LanguageModel, networkOf } from './model.ts'
import { ModelError } from './model-error.ts'
import type { TrainedModel } from './model-file.ts'
import { elementsOf } from './parameter.ts'
import { decodeProgram, generateProgram, prefillProgram } from './programs.ts'
import { u32Tensor, u32Values, wordOf, wordTensor } from './word.ts'

/** The state a generation starts from: the prompt's tokens, padded with zeros to the capacity. */
export const generationState = (prompt: ArrayLike<number>, capacity: number, seed: number): Tensor[] => [
  u32Tensor([capacity], padded(prompt, capacity)),
  wordTensor(prompt.length),
  wordTensor(0),
  wordTensor(seed),
]

/** The token ids that a generation state holds. */
export const generatedTokens = (state: readonly Tensor[]): Uint32Array<ArrayBuffer> =>
  u32Values(state[0]!).slice(0, wordOf(state[1]!))

/** The state that prefill starts from: one prompt for each text, and empty caches. */
export const cachedState = (
  model: LanguageModel,
  sample: CachedConfig,
  prompts: readonly ArrayLike<number>[],
  seed: number,
): Tensor[] => {
  const { batch, capacity } = sample
  if (prompts.length !== batch)
    throw new ModelError('config-invalid', 'prompts', prompts.length, `${batch}, the batch`, 'Give as many.')
  const text = new Uint32Array(batch * capacity)
  for (const [b, prompt] of prompts.entries()) text.set(padded(prompt, capacity), b * capacity)
  const words: { readonly [name: string]: Tensor } = {
    text: u32Tensor([batch, capacity], text),
    length: u32Tensor(
      [batch],
      Uint32Array.from(prompts, (prompt) => prompt.length),
    ),
    seed: wordTensor(seed),
  }
  return Object.entries(cachedStateTypes(networkOf(model), sample)).map(
    ([name, { dtype, shape }]) =>
      words[name] ?? { dtype, shape, data: new Uint8Array(elementsOf(shape) * DTYPES[dtype].bytes) },
  )
}

/** The token ids of each text that the state of prefill and decode holds. */
export const cachedTokens = (state: readonly Tensor[]): Uint32Array<ArrayBuffer>[] => {
  const [text, lengths] = [u32Values(state[0]!), u32Values(state[1]!)]
  const capacity = text.length / lengths.length
  return Array.from(lengths, (length, b) => text.slice(b * capacity, b * capacity + length))
}

/** Whether each text of a state of prefill and decode has ended. */
export const cachedDone = (state: readonly Tensor[]): boolean[] =>
  Array.from(u32Values(state[2]!), (done) => done !== 0)

const padded = (prompt: ArrayLike<number>, capacity: number): Uint32Array => {
  if (prompt.length < 1 || prompt.length > capacity) {
    const limit = `1 to ${capacity} tokens`
    throw new ModelError('config-invalid', 'prompt', `${prompt.length} tokens`, limit, 'Give another prompt.')
  }
  const ids = new Uint32Array(capacity)
  ids.set(prompt)
  return ids
}

export type SampleOptions = Partial<Omit<SampleConfig, 'capacity'>> & {
  readonly prompt: string
  readonly tokens: number // how many to add to the prompt
  readonly seed: number
}

/**
 * Text from a trained model: adds tokens to a prompt on an executor and decodes prompt and rest. Within the context
 * keys and values are kept from token to token; a longer text is read anew. The tokens are the same either way.
 */
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
  const run = async (program: Program, state: readonly Tensor[], steps: number): Promise<Tensor[]> => {
    const runner = await executor.compile(program, parameters)
    try {
      runner.load(state)
      await runner.step(steps)
      return runner.state()
    } finally {
      runner.close()
    }
  }
  const decode = (text: ArrayLike<number>): string =>
    new TextDecoder().decode(tokenizer.decode(Uint32Array.from(text)))
  if (tokens === 0 || capacity > networkOf(model).context) {
    const program = generateProgram(model, { capacity, temperature, top })
    return decode(generatedTokens(await run(program, generationState(ids, capacity, seed), tokens)))
  }
  const sample = { batch: 1, capacity, temperature, top }
  const start = cachedState(model, sample, [ids], seed)
  const read = await run(prefillProgram(model, sample, ids.length), start, 1)
  return decode(cachedTokens(await run(decodeProgram(model, sample), read, tokens - 1))[0]!)
}
