import {
  cachedState,
  decodeProgram,
  type LanguageModel,
  parametersOf,
  prefillProgram,
  type Storage,
  storedTensors,
} from '@lockstep/models'
import type { Program, Tensor } from '@lockstep/tensor'

/** Llama's layout at about 100 million parameters: 100.7 M, of which a token reads all but the embedding's other rows, 88.1 M. */
export const LLAMA_100M: LanguageModel = {
  kind: 'llama',
  config: {
    vocab: 16_384,
    context: 1024,
    width: 768,
    layers: 12,
    heads: 12,
    keyHeads: 4,
    inner: 2048,
    theta: 10_000,
    epsilon: 1e-5,
    tied: false,
  },
}

/** Numbers in [-0.05, 0.05) and gains of 1: what they are does not matter to a measurement, only that none is subnormal. */
export const arbitraryParameters = (model: LanguageModel): Tensor[] =>
  parametersOf(model).map(({ shape, init }, place) => {
    const values = new Float32Array(shape.reduce((n, d) => n * d, 1))
    if ('constant' in init) values.fill(init.constant)
    else {
      let x = place + 1
      for (let i = 0; i < values.length; i++) {
        x = (Math.imul(1664525, x) + 1013904223) >>> 0
        values[i] = (x / 2 ** 32 - 0.5) / 10
      }
    }
    return { dtype: 'f32', shape, data: new Uint8Array(values.buffer) }
  })

export type GenerationTask = {
  readonly prefill: Program
  readonly decode: Program
  /** The same for both. */
  readonly inputs: readonly Tensor[]
  /** What prefill starts from; its state is what decode starts from. */
  readonly state: readonly Tensor[]
  /** Bytes of weights that one step of decoding reads: every matrix of a product, once for the whole batch. */
  readonly weightBytes: number
}

/** Likeliest tokens after `prompt` arbitrary ones, for a batch of texts of `capacity` tokens in all. */
export const generationTask = (
  model: LanguageModel,
  { batch, storage, prompt, capacity }: { batch: number; storage: Storage; prompt: number; capacity: number },
): GenerationTask => {
  const sample = { batch, capacity, temperature: 0, top: 0, storage }
  const inputs = storedTensors(parametersOf(model), arbitraryParameters(model), storage)
  const { vocab } = model.config
  const prompts = Array.from({ length: batch }, (_, b) =>
    Array.from({ length: prompt }, (_, i) => (31 * i + 7 * b + 1) % vocab),
  )
  const embedding = inputs[0]!.data.length // a token reads one row of it
  return {
    prefill: prefillProgram(model, sample, prompt),
    decode: decodeProgram(model, sample),
    inputs,
    state: cachedState(model, sample, prompts, 1),
    weightBytes: inputs.reduce((n, { data }) => n + data.length, 0) - embedding,
  }
}
