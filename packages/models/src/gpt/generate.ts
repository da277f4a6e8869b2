import {
  argmax,
  f32,
  fold,
  type Grid,
  index,
  log,
  map,
  type Program,
  randomWords,
  reshape,
  select,
  type TensorType,
  traceProgram,
  u32,
  view,
} from '@lockstep/tensor'
import { checkInteger, checkKeys, checkNumber } from '../check.ts'
import { SALT } from '../salt.ts'
import { checkGptConfig, type GptConfig } from './config.ts'
import { gptHidden, gptLogits } from './network.ts'
import { gptParameters } from './parameters.ts'

/** How the next token is chosen. */
export type SampleConfig = {
  readonly capacity: number // tokens of the whole text, prompt included
  readonly temperature: number // 0 always takes the likeliest token; else 0.001 to 1000
  readonly top: number // only the likeliest `top` tokens may be drawn; 0 allows all
}

export const checkSampleConfig = (config: SampleConfig, vocab: number): void => {
  const adjust = 'Choose a value within the limits.'
  checkKeys('sample', config, ['capacity', 'temperature', 'top'])
  checkInteger('sample.capacity', config.capacity, 1, 2 ** 20, adjust)
  if (config.temperature !== 0) checkNumber('sample.temperature', config.temperature, 0.001, 1000, adjust)
  checkInteger('sample.top', config.top, 0, vocab, adjust)
}

/**
 * One step of generation: one more token. Inputs: the parameters. State: `text`, (capacity) token ids, of which the
 * first `length` stand; `length`, at least 1; `step`; `seed`. The last context tokens are read anew at each step.
 * The token drawn is the argmax of logits / temperature + Gumbel noise, whose counter is (token, step, 0, 0) under
 * the key (seed, 2). Once `length` reaches the capacity a step changes nothing but `step`. Output: `token`.
 */
export const gptGenerateProgram = (model: GptConfig, sample: SampleConfig): Program => {
  checkGptConfig(model)
  checkSampleConfig(sample, model.vocab)
  const { capacity, temperature, top } = sample
  const parameters = gptParameters(model)
  const inputs: { [name: string]: TensorType } = Object.fromEntries(
    parameters.map((p) => [p.name, { dtype: 'f32', shape: p.shape }]),
  )
  const word = { dtype: 'u32', shape: [1] } as const
  const state = { text: { dtype: 'u32', shape: [capacity] }, length: word, step: word, seed: word } as const
  return traceProgram({ state, inputs }, ({ text, length, step, seed }, given: Grids) => {
    const weights = (name: string): Grid<'f'> => given[name] as Grid<'f'>
    const window = Math.min(model.context, capacity)
    // The window starts at 0 until the text outgrows it; places past the text are in nobody's past.
    const places = map([length], (n) => select(u32(window).lt(n), n.sub(window), u32(0)).add(index(0)), {
      shape: [window],
      label: 'places',
    })
    const tokens = map([view<'u'>([1, window], (_, t) => text.at(places.at(t)))], (token) => token)
    const hidden = gptHidden(model, weights, tokens)
    const last = map([length], (n) => select(u32(window).lt(n), u32(window), n).sub(1), { label: 'last' })
    const row = view<'f'>([1, model.width], (r, c) =>
      reshape(hidden, [window, model.width]).at(last.at(r), c),
    )
    const logits = gptLogits(
      weights,
      map([row], (x) => x),
    )
    const chosen = argmax(scored(logits, temperature, top, step, seed)) // (1)
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

/** What the argmax is taken of: logits (1, V) with noise added and tokens below the first `top` taken out. */
const scored = (
  logits: Grid<'f'>,
  temperature: number,
  top: number,
  step: Grid<'u'>,
  seed: Grid<'u'>,
): Grid<'f'> => {
  if (temperature === 0) return logits
  const words = randomWords(logits.shape, { seed, step, salt: SALT.sample })
  const noisy = map(
    [logits, words],
    (logit, word) => {
      const uniform = word
        .shr(9)
        .toF32()
        .add(0.5)
        .mul(2 ** -23) // in (0, 1), exact
      return logit.mul(1 / temperature).sub(log(log(uniform).neg()))
    },
    { label: 'gumbel' },
  )
  const vocab = logits.shape[1]!
  if (top === 0 || top >= vocab) return noisy
  const ahead = fold({
    label: 'rank', // how many tokens come before this one: greater logits, and equal ones with smaller ids
    shape: [1, vocab],
    box: [vocab],
    register: 'u',
    order: 'blocked',
    init: 0,
    reads: ([r, v], [other]) => [logits.at(r!, v!), logits.at(r!, other!)],
    step: (count, mine, other) =>
      count.add(select(mine.lt(other), u32(1), mine.eq(other).and(index(2).lt(index(1))))),
    combine: (a, b) => a.add(b),
  })
  return map([noisy, ahead], (x, rank) => select(rank.lt(top), x, f32(Number.NEGATIVE_INFINITY)))
}
