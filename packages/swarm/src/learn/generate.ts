import {
  type CachedConfig,
  cachedState,
  decodeProgram,
  type LanguageModel,
  prefillProgram,
  u32Values,
} from '@lockstep/models'
import { type Executor, FaultError, type Tensor } from '@lockstep/tensor'
import type { Coding } from './coding.ts'

/** What is generated at once. A prompt and an answer are followed by `end`, which counts. */
export type GenerateShape = {
  readonly batch: number // texts side by side
  readonly prompt: number // tokens of a prompt at most
  readonly answer: number // tokens of an answer at most
  readonly temperature: number // 0 takes the likeliest
}

/** An answer as its writer wrote it. */
export type Completion = {
  readonly text: string
  readonly tokens: Uint32Array<ArrayBuffer> // `end` included where it came to it
  readonly ended: boolean
}

export type Generator = {
  readonly shape: GenerateShape
  /** One answer to each prompt, any number of them. The same parameters, prompts and seed give the same answers. */
  readonly complete: (
    parameters: readonly Tensor[],
    prompts: readonly string[],
    seed: number,
  ) => Promise<Completion[]>
  readonly close: () => void
}

/** The tokens of a prompt and its `end`; a FaultError where they are more than `most`. */
export const promptTokens = (coding: Coding, prompt: string, most: number): Uint32Array<ArrayBuffer> => {
  const tokens = coding.encode(prompt)
  if (tokens.length + 1 > most)
    throw new FaultError({
      code: 'prompt-too-long',
      field: 'prompt',
      value: `${tokens.length + 1} tokens: ${prompt.slice(0, 60)}`,
      limit: `${most} tokens`,
      remedy: 'Use a lower level, or a model with more context.',
    })
  return Uint32Array.of(...tokens, coding.end)
}

/**
 * Generation by prefill and decode, compiled once for a model's configuration: whose parameters are used is said at each
 * call. Batch i of a call draws its tokens from the seed plus i.
 */
export const createGenerator = async (
  executor: Executor,
  model: LanguageModel,
  parameters: readonly Tensor[],
  coding: Coding,
  shape: GenerateShape,
): Promise<Generator> => {
  const { batch, prompt, answer, temperature } = shape
  const config: CachedConfig = { batch, capacity: prompt + answer, temperature, top: 0, end: coding.end }
  const prefill = await executor.compile(prefillProgram(model, config, prompt), parameters)
  const decode = await executor.compile(decodeProgram(model, config), parameters)

  const completeBatch = async (prompts: readonly string[], seed: number): Promise<Completion[]> => {
    const rows = prompts.map((text) => promptTokens(coding, text, prompt))
    const padded = Array.from({ length: batch }, (_, b) => rows[b] ?? rows[0]!)
    const tokens = prompts.map((): number[] => [])
    const open = new Set(prompts.keys())
    /** Takes the token that each text has got; what a text that is over would get is nobody's. */
    const take = (drawn: Uint32Array): void => {
      for (const b of open) {
        const token = drawn[b]!
        tokens[b]!.push(token)
        if (token === coding.end || tokens[b]!.length === answer) open.delete(b)
      }
    }
    prefill.load(cachedState(model, config, padded, seed))
    await prefill.step()
    take(u32Values(prefill.outputs()[0]!))
    decode.load(prefill.state())
    while (open.size > 0) {
      await decode.step()
      take(u32Values(decode.outputs()[0]!))
    }
    return tokens.map((ids) => {
      const ended = ids.at(-1) === coding.end
      return {
        text: coding.decode(ended ? ids.slice(0, -1) : ids.filter((id) => id !== coding.end)),
        tokens: Uint32Array.from(ids),
        ended,
      }
    })
  }

  return {
    shape,
    complete: async (given, prompts, seed) => {
      prefill.give(given)
      decode.give(given)
      const found: Completion[] = []
      for (let at = 0; at < prompts.length; at += batch)
        found.push(...(await completeBatch(prompts.slice(at, at + batch), (seed + at / batch) >>> 0)))
      return found
    },
    close: () => {
      prefill.close()
      decode.close()
    },
  }
}
