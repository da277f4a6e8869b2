import {
  contract,
  exp,
  f32,
  type Grid,
  type Index,
  index,
  lessThan,
  MAX,
  map,
  matmul,
  pick,
  reduceBy,
  reshape,
  SUM,
  select,
  slice,
  stopGradient,
  transpose,
  view,
} from '@lockstep/tensor'
import { denseLayer } from '../layer/dense.ts'
import { type Dropout, dropoutLayer } from '../layer/dropout.ts'
import { gelu } from '../layer/gelu.ts'
import { normLayer } from '../layer/norm.ts'
import type { Weights } from '../training/train-step.ts'
import type { GptConfig } from './config.ts'

/**
 * What each position of a batch is carried in after the last layer and norm: tokens (B, T) give (B, T, C).
 * Position t sees positions 0 to t only.
 */
export const gptHidden = (
  { layers, heads, width }: GptConfig,
  weights: Weights,
  tokens: Grid<'u'>,
  dropout: Dropout,
): Grid<'f'> => {
  const [batch, length] = tokens.shape as [number, number]
  const drop = (x: Grid<'f'>, site: number): Grid<'f'> => dropoutLayer(x, dropout, site)
  const dense = (x: Grid<'f'>, name: string): Grid<'f'> =>
    denseLayer(x, weights(`${name}.weight`), weights(`${name}.bias`))
  const norm = (x: Grid<'f'>, name: string): Grid<'f'> =>
    normLayer(x, weights(`${name}.gain`), weights(`${name}.bias`))

  const embedding = weights('token.embedding')
  const token = view<'f'>([batch, length, width], (b, t, c) => embedding.at(tokens.at(b, t), c))
  const position = slice(weights('position.embedding'), { to: length })
  let x = drop(
    map([token, position], (a, p) => a.add(p), { label: 'embed' }),
    0,
  )
  for (let l = 0; l < layers; l++) {
    const qkv = dense(norm(x, `layer.${l}.attention.norm`), `layer.${l}.attention.qkv`)
    const mixed = attend(reshape(qkv, [batch, length, 3, heads, width / heads]), (p) => drop(p, 3 * l + 1))
    const seen = drop(dense(reshape(mixed, [batch, length, width]), `layer.${l}.attention.out`), 3 * l + 2)
    x = map([x, seen], (a, b) => a.add(b), { label: 'residual' })
    const inner = map([dense(norm(x, `layer.${l}.mlp.norm`), `layer.${l}.mlp.in`)], gelu, { label: 'gelu' })
    const thought = drop(dense(inner, `layer.${l}.mlp.out`), 3 * l + 3)
    x = map([x, thought], (a, b) => a.add(b), { label: 'residual' })
  }
  return norm(x, 'norm')
}

/** Scores of the next token, from what positions are carried in: (.., C) gives (.., V). The embedding is the head. */
export const gptLogits = (weights: Weights, hidden: Grid<'f'>): Grid<'f'> =>
  matmul(hidden, transpose(weights('token.embedding')))

/**
 * Causal attention: qkv is (B, T, 3, H, D), the result (B, T, H, D). The softmax is over s <= t: what lies ahead is
 * kept out by guards, never computed. Its division by the sum comes after the sum of values: the same, but smaller.
 */
const attend = (qkv: Grid<'f'>, drop: (weights: Grid<'f'>) => Grid<'f'>): Grid<'f'> => {
  const [q, k, v] = [pick(qkv, 0, 2), pick(qkv, 1, 2), pick(qkv, 2, 2)]
  const scale = 1 / Math.sqrt(qkv.shape[4]!)
  const causal = { guards: ({ s, t }: { [letter: string]: Index }) => [lessThan(s!, t!.add(1))] }
  const scores = contract('bthd,bshd->bhts', q, k, { ...causal, label: 'scores' })
  const upTo = {
    axes: -1,
    keep: true,
    guards: ([, , t, s]: readonly Index[]) => [lessThan(s!, t!.add(1))],
  } as const
  const top = reduceBy('greatest score', MAX, [stopGradient(scores)], (a) => a, upTo)
  const weights = map(
    [scores, stopGradient(top)],
    (a, m) => {
      const ahead = index(2).lt(index(3)) // never read; zero, and with a finite exponent so that its gradient is too
      return select(ahead, f32(0), exp(select(ahead, f32(0), a.sub(m).mul(scale))))
    },
    { label: 'attention' },
  )
  const total = reduceBy('attention total', SUM, [weights], (a) => a, upTo) // (B, H, T, 1)
  const sums = contract('bhts,bshd->bthd', drop(weights), v, { ...causal, label: 'values' })
  return map([sums, transpose(total, [0, 2, 1, 3])], (a, z) => a.div(z), { label: 'attended' })
}
