import {
  type Grid,
  index,
  map,
  type Program,
  reshape,
  select,
  traceProgram,
  u32,
  view,
} from '@lockstep/tensor'
import { checkInteger, checkKeys } from '../check.ts'
import { weightsOf } from '../layer/weights.ts'
import { parameterTypes } from '../parameter.ts'
import { type Choice, checkChoice, drawToken } from './draw-token.ts'
import { type LanguageNetwork, windowPass } from './network.ts'

/** A text to be generated, and how its tokens are chosen. */
export type SampleConfig = Choice & {
  readonly capacity: number // tokens of the whole text, prompt included
}

export const checkSampleConfig = (config: SampleConfig, vocab: number): void => {
  checkKeys('sample', config, ['capacity', 'temperature', 'top'])
  checkInteger('sample.capacity', config.capacity, 1, 2 ** 20, 'Choose a value within the limits.')
  checkChoice(config, vocab)
}

/**
 * One step of generation: one more token of a text of any length. Inputs: the parameters. State: `text`, (capacity)
 * token ids, of which the first `length` stand; `length`, at least 1; `step`; `seed`. The last context tokens are read
 * anew at each step: where the whole text fits the context, decodeProgram gives the same tokens and is faster. Once
 * `length` reaches the capacity a step changes nothing but `step`. Output: `token`.
 */
export const languageGeneration = (network: LanguageNetwork, sample: SampleConfig): Program => {
  checkSampleConfig(sample, network.vocab)
  const { capacity } = sample
  const word = { dtype: 'u32', shape: [1] } as const
  const state = { text: { dtype: 'u32', shape: [capacity] }, length: word, step: word, seed: word } as const
  const inputs = parameterTypes(network.parameters)
  return traceProgram({ state, inputs }, ({ text, length, step, seed }, given: Grids) => {
    const weights = weightsOf((name) => given[name] as Grid<'f'>)
    const window = Math.min(network.context, capacity)
    // The window starts at 0 until the text outgrows it; places past the text are in nobody's past.
    const places = map([length], (n) => select(u32(window).lt(n), n.sub(window), u32(0)).add(index(0)), {
      shape: [window],
      label: 'places',
    })
    const tokens = map([view<'u'>([1, window], (_, t) => text.at(places.at(t)))], (token) => token)
    const hidden = network.hidden(weights, tokens, windowPass())
    const last = map([length], (n) => select(u32(window).lt(n), u32(window), n).sub(1), { label: 'last' })
    const row = view<'f'>([1, network.width], (r, c) =>
      reshape(hidden, [window, network.width]).at(last.at(r), c),
    )
    const logits = network.logits(
      weights,
      map([row], (x) => x),
    )
    const chosen = drawToken(logits, sample, step, seed) // (1)
    const next = map([text, chosen, length], (old, token, n) => select(index(0).eq(n), token, old))
    return {
      state: {
        text: next,
        length: map([length], (n) => select(n.lt(capacity), n.add(1), n)),
        step: map([step], (s) => s.add(1)),
      },
      outputs: { token: chosen },
    }
  })
}

type Grids = { readonly [name: string]: Grid }
