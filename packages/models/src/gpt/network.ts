import {
  contract,
  dropout,
  type Grid,
  gatherRows,
  gelu,
  type Index,
  layerNorm,
  lessThan,
  map,
  matmul,
  pick,
  reshape,
  slice,
  softmax,
  transpose,
} from '@lockstep/tensor'
import { denseLayer } from '../layer/dense.ts'
import { SALT } from '../salt.ts'
import type { Weights } from '../training/train-step.ts'
import type { GptConfig } from './config.ts'

/** What dropout draws from: step and seed are state words, (1) each, so a re-run drops the same activations. */
export type Dropping = { readonly part: number; readonly step: Grid<'u'>; readonly seed: Grid<'u'> }

/**
 * What each position of a batch is carried in after the last layer and norm: tokens (B, T) give (B, T, C).
 * Position t sees positions 0 to t only. Without `dropping` nothing is dropped.
 */
export const gptHidden = (
  { layers, heads, width }: GptConfig,
  weights: Weights,
  tokens: Grid<'u'>,
  dropping?: Dropping,
): Grid<'f'> => {
  const [batch, length] = tokens.shape as [number, number]
  let site = 0
  const drop = (x: Grid<'f'>): Grid<'f'> =>
    dropping ? dropout(x, dropping.part, { ...dropping, salt: SALT.dropout + site++ }) : x
  const dense = (x: Grid<'f'>, name: string): Grid<'f'> =>
    denseLayer(x, weights(`${name}.weight`), weights(`${name}.bias`))
  const norm = (x: Grid<'f'>, name: string): Grid<'f'> =>
    layerNorm(x, { gain: weights(`${name}.gain`), bias: weights(`${name}.bias`) })
  const add = (x: Grid<'f'>, y: Grid<'f'>): Grid<'f'> =>
    map([x, y], (a, b) => a.add(b), { label: 'residual' })

  const token = gatherRows(weights('token.embedding'), tokens)
  let x = drop(add(token, slice(weights('position.embedding'), { to: length })))
  for (let l = 0; l < layers; l++) {
    const qkv = dense(norm(x, `layer.${l}.attention.norm`), `layer.${l}.attention.qkv`)
    const mixed = attend(reshape(qkv, [batch, length, 3, heads, width / heads]), drop)
    x = add(x, drop(dense(reshape(mixed, [batch, length, width]), `layer.${l}.attention.out`)))
    const inner = gelu(dense(norm(x, `layer.${l}.mlp.norm`), `layer.${l}.mlp.in`))
    x = add(x, drop(dense(inner, `layer.${l}.mlp.out`)))
  }
  return norm(x, 'norm')
}

/** Scores of the next token, from what positions are carried in: (.., C) gives (.., V). The embedding is the head. */
export const gptLogits = (weights: Weights, hidden: Grid<'f'>): Grid<'f'> =>
  matmul(hidden, transpose(weights('token.embedding')))

/**
 * Causal attention: qkv is (B, T, 3, H, D), the result (B, T, H, D). Place t attends to places s <= t: what lies
 * ahead is kept out by guards, never multiplied by zero.
 */
const attend = (qkv: Grid<'f'>, drop: (weights: Grid<'f'>) => Grid<'f'>): Grid<'f'> => {
  const [query, k, v] = [pick(qkv, 0, 2), pick(qkv, 1, 2), pick(qkv, 2, 2)]
  const scale = 1 / Math.sqrt(qkv.shape[4]!)
  const q = map([query], (a) => a.mul(scale), { label: 'query' })
  const guards = ({ s, t }: { readonly [letter: string]: Index }) => [lessThan(s!, t!.add(1))]
  const scores = contract('bthd,bshd->bhts', q, k, { guards, label: 'scores' })
  const weights = drop(softmax(scores, { causal: true }))
  return contract('bhts,bshd->bthd', weights, v, { guards, label: 'values' })
}
