import {
  attention,
  crossEntropies,
  exp,
  type Grid,
  gatherRows,
  log,
  log1p,
  logSoftmax,
  map,
  materialise,
  matmul,
  type Program,
  reshape,
  select,
  sigmoid,
  slice,
  sum,
  sumWords,
  type TensorType,
  traceProgram,
  type U,
  u32,
  view,
} from '@lockstep/tensor'
import { checkInteger } from '../check.ts'
import { type Weights, weightsOf } from '../layer/weights.ts'
import { filled, type Parameter, parameterTypes } from '../parameter.ts'
import type { TrainConfig } from '../training/config.ts'
import { trainProgram as traceTraining } from '../training/train-step.ts'
import { keysOf, valuesOf } from './cached.ts'
import { type LanguageNetwork, type Pass, windowPass } from './network.ts'
import { checkRows, type Rows, type RowsType, rowsAt, rowsInTurn, rowTypes } from './rows.ts'

/**
 * A model of text beside an adviser: something that says how likely each next token is, whatever it knows it from. What both
 * say is multiplied, the adviser's to a power that the network chooses at each place:
 *
 *   logits = network + gate ln(advice),   gate = 2 sigmoid(hidden w + features v + b)
 *
 * With w, v and b at 0 the gate is 1, so a network that says nothing leaves the advice as it is. Experts are multiplied so in
 * Hinton, 2002 ("products of experts"), and by learned powers in PAQ's mixing (Mahoney, 2005).
 */
export type Advice = {
  /** F: how many numbers the adviser says of how sure it is, at each place; about -4 to 4 each. */
  readonly features: number
}

/** Advice below this counts as this: its logarithm stays within -16. */
const LEAST = 1.1253517e-7

/** The network's parameters, then the gate's, which begin at 0. */
export const advisedParameters = (network: LanguageNetwork, { features }: Advice): readonly Parameter[] => [
  ...network.parameters,
  filled('gate.hidden', [network.width, 1], 0),
  filled('gate.features', [features, 1], 0),
  filled('gate.bias', [1], 0),
]

/** Scores of the next token: hidden is (N, C), advice (N, V), features (N, F). */
const advisedLogits = (
  network: LanguageNetwork,
  weights: Weights,
  hidden: Grid<'f'>,
  advice: Grid<'f'>,
  features: Grid<'f'>,
): Grid<'f'> => {
  const rows = hidden.shape[0]!
  const bias = weights.of('gate.bias')
  const gate = map(
    [
      reshape(matmul(hidden, weights.of('gate.hidden')), [rows]),
      reshape(matmul(features, weights.of('gate.features')), [rows]),
      view<'f'>([rows], () => bias.at(0)),
    ],
    (h, f, b) => sigmoid(h.add(f).add(b)).mul(2),
    { label: 'gate' },
  )
  const shape = [rows, network.vocab]
  return map(
    [network.logits(weights, hidden), advice, view<'f'>(shape, (n) => gate.at(n))],
    (own, p, g) => own.add(g.mul(log(select(p.gt(LEAST), p, LEAST)))),
    { label: 'advised' },
  )
}

/** What the adviser said of each place of a table's rows that is foreseen, as inputs. */
const adviceTypes = (
  { rows, length }: RowsType,
  { vocab }: LanguageNetwork,
  { features }: Advice,
): { readonly [name: string]: TensorType } => ({
  advice: { dtype: 'f32', shape: [rows, length - 1, vocab] },
  features: { dtype: 'f32', shape: [rows, length - 1, features] },
})

/** ln of the probability of each row's token after each place: (B, L - 1). */
const advisedLogsOf = (
  network: LanguageNetwork,
  weights: Weights,
  { read, targets }: Pick<Rows, 'read' | 'targets'>,
  advice: Grid<'f'>,
  features: Grid<'f'>,
  pass: Pass,
): Grid<'f'> => {
  const places = read.shape[0]! * read.shape[1]!
  const hidden = reshape(network.hidden(weights, read, pass), [places, network.width])
  const flat = (x: Grid<'f'>): Grid<'f'> => reshape(x, [places, x.shape.at(-1)!])
  const logits = advisedLogits(network, weights, hidden, flat(advice), flat(features))
  const nats = crossEntropies(logits, reshape(targets, [-1]))
  return map([reshape(nats, targets.shape)], (x) => x.neg(), { label: 'log-probability' })
}

/** Pairs of continuations, of which the first is preferred; see `advisedTraining`. */
export type Preference = {
  readonly pairs: number // M
  readonly batch: number // pairs a step; M divided by it is a power of two
  readonly sharpness: number // of the logistic: how much a difference of one nat a token counts
  readonly weight: number // of this loss beside the other
}

/**
 * One training step from what was done and what was preferred. Inputs: see `rowTypes`, with `advice`, (N, L - 1, V), and
 * `features`, (N, L - 1, F), of each place that is foreseen; where there are pairs the same again with `pair.` before the
 * name, 2 M rows, of which 2 i was preferred to 2 i + 1, and `pair.reference`, (2 M), what each came to before: the mean ln
 * of the probability of its learned tokens. Steps take the rows, and the pairs, in turn.
 *
 * The loss is mean nats per learned token, plus weight times the mean of ln(1 + exp(-sharpness (d - d0))) over pairs, where d
 * is how much more likely the preferred row is, per token, and d0 what that was before: direct preference
 * optimisation (Rafailov et al., 2023), with means in place of sums, since continuations differ in length.
 */
export const advisedTraining = (
  network: LanguageNetwork,
  advice: Advice,
  train: TrainConfig,
  rows: RowsType,
  preference?: Preference,
): Program => {
  checkRows(rows, network)
  const paired: RowsType | undefined = preference && { ...rows, rows: 2 * preference.pairs }
  const inputs: { [name: string]: TensorType } = { ...rowTypes(rows), ...adviceTypes(rows, network, advice) }
  if (paired) {
    const types = { ...rowTypes(paired), ...adviceTypes(paired, network, advice) }
    for (const [name, type] of Object.entries(types)) inputs[`pair.${name}`] = type
    inputs['pair.reference'] = { dtype: 'f32', shape: [paired.rows] }
  }
  return traceTraining(advisedParameters(network, advice), train, inputs, (parts) => {
    const { weights: of, input, step, block } = parts
    const weights = weightsOf(of)
    const logsIn = (prefix: string, places: Grid<'u'>) => {
      const named = (name: string): Grid => input(`${prefix}${name}`)
      const found = rowsAt(named, places)
      const some = (name: string): Grid<'f'> => materialise(gatherRows(named(name) as Grid<'f'>, places))
      const pass = windowPass(undefined, block)
      const logs = advisedLogsOf(network, weights, found, some('advice'), some('features'), pass)
      return { counts: found.counts, logs }
    }
    const done = logsIn('', rowsInTurn(rows.rows, train.batch, step))
    const lost = map([done.logs, done.counts], (l, counted) => select(counted, l.neg(), 0))
    const imitated = map([sum(lost), sumWords(done.counts)], (x, n) => x.div(atLeastOne(n).toF32()), {
      label: 'mean of tokens',
    })
    if (!paired || !preference) return imitated
    const places = rowsInTurn(paired.rows, 2 * preference.batch, step)
    const pairs = logsIn('pair.', places)
    const kept = map([pairs.logs, pairs.counts], (l, counted) => select(counted, l, 0))
    const means = map([sum(kept, { axes: 1 }), sumWords(pairs.counts, { axes: 1 })], (x, n) =>
      x.div(atLeastOne(n).toF32()),
    )
    const before = materialise(gatherRows(input('pair.reference') as Grid<'f'>, places))
    const risen = map([means, before], (now, then) => now.sub(then), { label: 'risen' })
    const each = (which: 0 | 1): Grid<'f'> =>
      view<'f'>([preference.batch], (i) => risen.at(i.mul(2).add(which)))
    const losses = map([each(0), each(1)], (chosen, other) => {
      const x = other.sub(chosen).mul(preference.sharpness)
      // ln(1 + e^x) without overflow: the greater of x and 0 is taken out.
      const positive = x.gt(0)
      const size = select(positive, x, x.neg())
      return select(positive, x, 0).add(log1p(exp(size.neg())))
    })
    return map([imitated, sum(losses)], (a, b) => a.add(b.mul(preference.weight / preference.batch)), {
      label: 'imitation and preference',
    })
  })
}

const atLeastOne = (n: U): U => select(n.eq(0), u32(1), n)

/**
 * What a network and its adviser think of some texts. Inputs: the parameters, `tokens`, (N, L), `advice` and `features`.
 * State: `step`. Step s reads the `batch` rows from (s mod N / batch) * batch on. Output: `logs`, (batch, L - 1), ln of the
 * probability of each token but the first.
 */
export const advisedLogs = (
  network: LanguageNetwork,
  advice: Advice,
  batch: number,
  rows: RowsType,
): Program => {
  checkRows(rows, network)
  checkInteger('batch', batch, 1, 65536, 'Choose a batch within the limits.')
  const inputs: { readonly [name: string]: TensorType } = {
    ...parameterTypes(advisedParameters(network, advice)),
    tokens: { dtype: rows.dtype, shape: [rows.rows, rows.length] },
    ...adviceTypes(rows, network, advice),
  }
  const state = { step: { dtype: 'u32', shape: [1] } } as const
  return traceProgram({ state, inputs }, ({ step }, given: { readonly [name: string]: Grid }) => {
    const places = rowsInTurn(rows.rows, batch, step)
    const some = (name: string): Grid<'f'> => materialise(gatherRows(given[name] as Grid<'f'>, places))
    const tokens = materialise(gatherRows(given.tokens as Grid<'u'>, places))
    const found = {
      read: materialise(slice(tokens, { axis: 1, to: -1 })),
      targets: materialise(slice(tokens, { axis: 1, from: 1 })),
    }
    const weights = weightsOf((name) => given[name] as Grid<'f'>)
    return {
      state: { step: map([step], (s) => s.add(1), { label: 'step' }) },
      outputs: {
        logs: advisedLogsOf(network, weights, found, some('advice'), some('features'), windowPass()),
      },
    }
  })
}

/** Keys and values of one text of at most `capacity` tokens, by layer. */
const cacheTypes = (
  { layers, keyHeads, headWidth }: LanguageNetwork,
  capacity: number,
): { readonly [name: string]: TensorType } =>
  Object.fromEntries(
    Array.from({ length: layers }, (_, l): [string, TensorType][] => [
      [keysOf(l), { dtype: 'f32', shape: [1, keyHeads, headWidth, capacity] }],
      [valuesOf(l), { dtype: 'f32', shape: [1, keyHeads, capacity, headWidth] }],
    ]).flat(),
  )

/**
 * Reads some tokens of one text at once, of which none was read before: fills the caches that `advisedNext` goes on with. The
 * cache is the context. Inputs: the parameters and `tokens`, (P): what stands behind the text is padding, which later tokens
 * are written over. State: the caches. Output: `read`, (1), the number of tokens, P.
 */
export const advisedReading = (network: LanguageNetwork, advice: Advice, tokens: number): Program => {
  checkInteger('tokens', tokens, 1, network.context, 'Read at most the context.')
  const inputs: { readonly [name: string]: TensorType } = {
    ...parameterTypes(advisedParameters(network, advice)),
    tokens: { dtype: 'u32', shape: [tokens] },
  }
  return traceProgram(
    { state: cacheTypes(network, network.context), inputs },
    (caches: Grids, given: Grids) => {
      const zero = map([], () => u32(0), { shape: [1], label: 'start' })
      const kept: { [name: string]: Grid } = {}
      const attend = cachedAttention(caches, zero, kept)
      const weights = weightsOf((name) => given[name] as Grid<'f'>)
      network.hidden(weights, reshape(given.tokens as Grid<'u'>, [1, tokens]), { attend, drop: (x) => x })
      return { state: kept, outputs: { read: map([], () => u32(tokens), { shape: [1] }) } }
    },
  )
}

/**
 * Reads one more token of a text and says what may follow. Inputs: the parameters; `token` and `place`, (1), which is how many
 * tokens stand before it; `advice`, (1, V), and `features`, (1, F), of what follows it. State: the caches, in which the places before
 * it hold what was read. Output: `logs`, (V), ln of the probability of each token.
 */
export const advisedNext = (network: LanguageNetwork, advice: Advice): Program => {
  const word: TensorType = { dtype: 'u32', shape: [1] }
  const inputs: { readonly [name: string]: TensorType } = {
    ...parameterTypes(advisedParameters(network, advice)),
    ...{ token: word, place: word },
    advice: { dtype: 'f32', shape: [1, network.vocab] },
    features: { dtype: 'f32', shape: [1, advice.features] },
  }
  return traceProgram(
    { state: cacheTypes(network, network.context), inputs },
    (caches: Grids, given: Grids) => {
      const place = given.place as Grid<'u'>
      const kept: { [name: string]: Grid } = {}
      const pass: Pass = {
        attend: cachedAttention(caches, place, kept),
        places: reshape(place, [1, 1]),
        drop: (x) => x,
      }
      const weights = weightsOf((name) => given[name] as Grid<'f'>)
      const tokens = reshape(given.token as Grid<'u'>, [1, 1])
      const hidden = reshape(network.hidden(weights, tokens, pass), [1, network.width])
      const [said, sure] = [given.advice as Grid<'f'>, given.features as Grid<'f'>]
      const logits = advisedLogits(network, weights, hidden, said, sure)
      return { state: kept, outputs: { logs: reshape(logSoftmax(logits), [network.vocab]) } }
    },
  )
}

type Grids = { readonly [name: string]: Grid }

const cachedAttention =
  (caches: Grids, length: Grid<'u'>, kept: { [name: string]: Grid }): Pass['attend'] =>
  (layer, heads) => {
    const [keys, values] = [caches[keysOf(layer)] as Grid<'f'>, caches[valuesOf(layer)] as Grid<'f'>]
    const { mixed, cache } = attention({ ...heads, causal: true, cache: { keys, values, length } })
    kept[keysOf(layer)] = cache.keys
    kept[valuesOf(layer)] = cache.values
    return mixed
  }
