import {
  attention,
  type Grid,
  index,
  map,
  type Program,
  reshape,
  select,
  slice,
  type TensorType,
  traceProgram,
  u32,
  view,
} from '@lockstep/tensor'
import { checkInteger, checkKeys } from '../check.ts'
import { ModelError } from '../model-error.ts'
import { type Storage, storedTypes, storedWeights } from '../storage.ts'
import { type Choice, checkChoice, drawToken } from './draw-token.ts'
import type { LanguageNetwork, Pass } from './network.ts'

/** Texts to be generated side by side, each within the context, whose keys and values are kept from step to step. */
export type CachedConfig = Choice & {
  readonly batch: number // B: texts
  readonly capacity: number // tokens of a whole text, prompt included; at most the context
  readonly end?: number // the token that ends a text; none if absent
  readonly storage?: Storage // how the weights are stored; f32 if absent
}

export const checkCachedConfig = (config: CachedConfig, { vocab, context }: LanguageNetwork): void => {
  const adjust = 'Choose a value within the limits.'
  checkKeys('sample', config, ['batch', 'capacity', 'temperature', 'top', 'end', 'storage'])
  checkInteger('sample.batch', config.batch, 1, 4096, adjust)
  checkInteger(
    'sample.capacity',
    config.capacity,
    1,
    context,
    'Keep within the context: nothing slides here.',
  )
  if (config.end !== undefined) checkInteger('sample.end', config.end, 0, vocab - 1, adjust)
  checkChoice(config, vocab)
  if (!['f32', 'bf16', 'int8', undefined].includes(config.storage))
    throw new ModelError('config-invalid', 'sample.storage', config.storage, 'f32, bf16 or int8', adjust)
}

export const keysOf = (layer: number): string => `keys.${layer}`
export const valuesOf = (layer: number): string => `values.${layer}`

/** The state of prefill and decode alike, in order: words first, then the caches, (B, K, D, capacity) and (B, K, capacity, D). */
export const cachedStateTypes = (
  { layers, keyHeads, headWidth }: LanguageNetwork,
  { batch, capacity }: CachedConfig,
): { readonly [name: string]: TensorType } => {
  const keys: TensorType = { dtype: 'f32', shape: [batch, keyHeads, headWidth, capacity] }
  const values: TensorType = { dtype: 'f32', shape: [batch, keyHeads, capacity, headWidth] }
  return {
    text: { dtype: 'u32', shape: [batch, capacity] },
    length: { dtype: 'u32', shape: [batch] },
    done: { dtype: 'u32', shape: [batch] },
    step: { dtype: 'u32', shape: [1] },
    seed: { dtype: 'u32', shape: [1] },
    ...Object.fromEntries(
      Array.from({ length: layers }, (_, l) => [
        [keysOf(l), keys] as const,
        [valuesOf(l), values] as const,
      ]).flat(),
    ),
  }
}

/**
 * The step before decoding: reads the first `prompt` places of each text at once, puts their keys and values into the
 * caches, and draws the first new token of each text. Inputs: the parameters, as stored. State: `text`, (B, capacity)
 * token ids, of which the first `length`, (B), stand, 1 to `prompt` of them; `done`, (B), 1 where a text has ended;
 * `step`; `seed`; the caches, whatever they hold. Output: `token`, (B).
 */
export const languagePrefill = (network: LanguageNetwork, config: CachedConfig, prompt: number): Program => {
  checkCachedConfig(config, network)
  checkInteger('prompt', prompt, 1, config.capacity, 'Read at most the capacity.')
  return trace(network, config, ({ text, length, caches, hidden }) => {
    const zero = map([], () => u32(0), { shape: [1], label: 'start' })
    const all = hidden(slice(text, { axis: 1, to: prompt }), { ...caches(zero), drop: (x) => x })
    const last = map([length], (n) => n.sub(1), { label: 'last' })
    return view<'f'>([config.batch, network.width], (b, c) => all.at(b, last.at(b), c))
  })
}

/**
 * One step of decoding: one more token of each text that is not done. Takes up the state that prefill leaves, with the
 * same inputs: the last token's keys and values are put into the caches, and it sees them and all before. Gives the
 * tokens that `languageGeneration` gives of the text alone, bit for bit, where its capacity is the same. A text is done
 * at its end token or where it is full; then a step leaves its tokens alone. Output: `token`, (B).
 */
export const languageDecode = (network: LanguageNetwork, config: CachedConfig): Program => {
  checkCachedConfig(config, network)
  const { batch } = config
  return trace(network, config, ({ text, length, caches, hidden }) => {
    const last = map([length], (n) => n.sub(1), { label: 'last' })
    const tokens = map([view<'u'>([batch, 1], (b) => text.at(b, last.at(b)))], (token) => token)
    const places = reshape(last, [batch, 1])
    return reshape(hidden(tokens, { ...caches(last), places, drop: (x) => x }), [batch, network.width])
  })
}

type Step = {
  readonly text: Grid<'u'>
  readonly length: Grid<'u'>
  /** Attention over the caches, of which the places before `length`, (1) or (B), hold something. */
  readonly caches: (length: Grid<'u'>) => Pick<Pass, 'attend'>
  readonly hidden: (tokens: Grid<'u'>, pass: Pass) => Grid<'f'>
}

/** What both steps share: `lastHidden` gives what each text's last token is carried in, (B, C). */
const trace = (
  network: LanguageNetwork,
  config: CachedConfig,
  lastHidden: (step: Step) => Grid<'f'>,
): Program => {
  const { capacity, end, storage = 'f32' } = config
  const types = {
    state: cachedStateTypes(network, config),
    inputs: storedTypes(network.parameters, storage),
  }
  return traceProgram(types, (found: Grids, given: Grids) => {
    const [text, length, done, step, seed] = ['text', 'length', 'done', 'step', 'seed'].map(
      (name) => found[name] as Grid<'u'>,
    ) as [Grid<'u'>, Grid<'u'>, Grid<'u'>, Grid<'u'>, Grid<'u'>]
    const weights = storedWeights(given, network.parameters, storage)
    const kept: { [name: string]: Grid } = {}
    const caches = (before: Grid<'u'>): Pick<Pass, 'attend'> => ({
      attend: (layer, heads) => {
        const [keys, values] = [found[keysOf(layer)] as Grid<'f'>, found[valuesOf(layer)] as Grid<'f'>]
        const { mixed, cache } = attention({
          ...heads,
          causal: true,
          cache: { keys, values, length: before },
        })
        kept[keysOf(layer)] = cache.keys
        kept[valuesOf(layer)] = cache.values
        return mixed
      },
    })
    const hidden = (tokens: Grid<'u'>, pass: Pass): Grid<'f'> => network.hidden(weights, tokens, pass)
    const row = map([lastHidden({ text, length, caches, hidden })], (x) => x)
    const chosen = drawToken(network.logits(weights, row), config, step, seed)
    const goesOn = map([done, length], (d, n) => d.eq(0).and(n.lt(capacity)), { label: 'goes on' })
    const along = (words: Grid<'u'>): Grid<'u'> => view<'u'>(text.shape, (b) => words.at(b))
    return {
      state: {
        text: map([text, along(chosen), along(length), along(goesOn)], (old, token, n, on) =>
          select(index(1).eq(n).and(on), token, old),
        ),
        length: map([length, goesOn], (n, on) => n.add(on)),
        done: map([done, goesOn, length, chosen], (d, on, n, token) => {
          const full = n.add(1).lt(capacity).eq(0)
          const ended = end === undefined ? full : full.or(token.eq(end))
          return d.or(on.eq(0)).or(ended)
        }),
        step: map([step], (s) => s.add(1)),
        ...kept,
      },
      outputs: { token: chosen },
    }
  })
}

type Grids = { readonly [name: string]: Grid }
