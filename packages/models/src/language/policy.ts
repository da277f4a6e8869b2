import {
  crossEntropies,
  type Grid,
  gatherRows,
  map,
  materialise,
  type Program,
  reshape,
  select,
  slice,
  sum,
  sumWords,
  type TensorType,
  traceProgram,
  u32,
} from '@lockstep/tensor'
import { checkInteger } from '../check.ts'
import { type Weights, weightsOf } from '../layer/weights.ts'
import { parameterTypes } from '../parameter.ts'
import type { TrainConfig } from '../training/config.ts'
import { drawPlaces } from '../training/draw.ts'
import { checkPolicyConfig, type PolicyConfig, policyLoss } from '../training/policy-loss.ts'
import { trainProgram as traceTraining } from '../training/train-step.ts'
import { type LanguageNetwork, type Pass, windowPass } from './network.ts'
import { checkRows, type Rows, type RowsType, rowsAt, rowsInTurn, rowTypes } from './rows.ts'

/** ln of the probability of each row's token after each place, given those before it: (B, L - 1). */
export const logsOf = (
  network: LanguageNetwork,
  weights: Weights,
  { read, targets }: Pick<Rows, 'read' | 'targets'>,
  pass: Pass,
): Grid<'f'> => {
  const hidden = network.hidden(weights, read, pass)
  const logits = network.logits(weights, reshape(hidden, [-1, network.width]))
  const nats = crossEntropies(logits, reshape(targets, [-1]))
  return map([reshape(nats, targets.shape)], (x) => x.neg(), { label: 'log-probability' })
}

/**
 * One training step on examples of a kind of text: a row each, of which only the places `from` to `until` - 1 are
 * learned, as an answer is and its question is not. Inputs: see `rowTypes`. Each step draws `batch` rows from (seed,
 * step). The loss is mean nats per learned token.
 */
export const languageExamples = (network: LanguageNetwork, train: TrainConfig, rows: RowsType): Program => {
  checkRows(rows, network)
  return traceTraining(network.parameters, train, rowTypes(rows), (parts) => {
    const { weights, input, step, seed, block } = parts
    const found = rowsAt(input, drawPlaces(train.batch, rows.rows, step, seed))
    const dropping = { part: network.dropout, step, seed }
    const logs = logsOf(network, weightsOf(weights), found, windowPass(dropping, block))
    const lost = map([logs, found.counts], (l, counted) => select(counted, l.neg(), 0), { label: 'learned' })
    return map([sum(lost), sumWords(found.counts)], (x, n) => x.div(select(n.eq(0), u32(1), n).toF32()), {
      label: 'mean of tokens',
    })
  })
}

/** What a policy learns from beside the rows, (N) and (N, L - 1): `reference` only where the policy is held to one. */
const policyTypes = (
  { rows, length }: RowsType,
  { kl = 0 }: PolicyConfig,
): { readonly [name: string]: TensorType } => ({
  advantage: { dtype: 'f32', shape: [rows] },
  old: { dtype: 'f32', shape: [rows, length - 1] },
  ...(kl > 0 && { reference: { dtype: 'f32', shape: [rows, length - 1] } as const }),
})

/**
 * One step of a policy update from a committed batch of completions: the loss is `policyLoss`. Inputs: see `rowTypes`;
 * `advantage`, (N); `old`, (N, L - 1), what `languageLogs` gives of the policy before its first step on this batch; and
 * `reference`, of the policy it is held to, where `kl` is not 0. Pass p takes the `batch` rows from (p mod N / batch) *
 * batch on, so that N / batch steps go over the batch once and more steps are more epochs. Nothing is dropped: the
 * ratio is 1 where the policy has not moved.
 */
export const languagePolicy = (
  network: LanguageNetwork,
  train: TrainConfig,
  rows: RowsType,
  policy: PolicyConfig,
): Program => {
  checkRows(rows, network)
  checkPolicyConfig(policy)
  const inputs = { ...rowTypes(rows), ...policyTypes(rows, policy) }
  return traceTraining(network.parameters, train, inputs, ({ weights, input, step, block }) => {
    const places = rowsInTurn(rows.rows, train.batch, step)
    const found = rowsAt(input, places)
    const numbers = (name: string): Grid<'f'> => materialise(gatherRows(input(name) as Grid<'f'>, places))
    return policyLoss(
      {
        logs: logsOf(network, weightsOf(weights), found, windowPass(undefined, block)),
        old: numbers('old'),
        reference: (policy.kl ?? 0) > 0 ? numbers('reference') : undefined,
        advantage: reshape(numbers('advantage'), [train.batch, 1]),
        counts: found.counts,
      },
      policy,
    )
  })
}

/**
 * What a policy thinks of some texts. Inputs: the parameters and `tokens`, (N, L). State: `step`. Step s reads the `batch`
 * rows from (s mod N / batch) * batch on. Output: `logs`, (batch, L - 1), ln of the probability of each token but the first.
 */
export const languageLogs = (network: LanguageNetwork, batch: number, rows: RowsType): Program => {
  checkRows(rows, network)
  checkInteger('batch', batch, 1, 65536, 'Choose a batch within the limits.')
  const inputs = {
    ...parameterTypes(network.parameters),
    tokens: { dtype: rows.dtype, shape: [rows.rows, rows.length] },
  } as { readonly [name: string]: TensorType }
  const state = { step: { dtype: 'u32', shape: [1] } } as const
  return traceProgram({ state, inputs }, ({ step }, given: { readonly [name: string]: Grid }) => {
    const places = rowsInTurn(rows.rows, batch, step)
    const tokens = materialise(gatherRows(given.tokens as Grid<'u'>, places))
    const found = {
      read: materialise(slice(tokens, { axis: 1, to: -1 })),
      targets: materialise(slice(tokens, { axis: 1, from: 1 })),
    }
    const weights = weightsOf((name) => given[name] as Grid<'f'>)
    return {
      state: { step: map([step], (s) => s.add(1), { label: 'step' }) },
      outputs: { logs: logsOf(network, weights, found, windowPass()) },
    }
  })
}
