import { attention, dropout, type Grid } from '@lockstep/tensor'
import { asItIs, type Block } from '../layer/block.ts'
import type { Weights } from '../layer/weights.ts'
import type { Parameter } from '../parameter.ts'
import { SALT } from '../salt.ts'

/** What a model of text computes: one for each architecture, made from its checked configuration. */
export type LanguageNetwork = {
  readonly family: 'language'
  readonly vocab: number // V: token ids are 0 to vocab - 1
  readonly context: number // T: tokens it sees at once
  readonly width: number // C: numbers a token is carried in
  readonly layers: number
  readonly keyHeads: number // K: heads of keys and values
  readonly headWidth: number // D: numbers a head's key and value have
  readonly dropout: number // probability of dropping an activation while training
  readonly parameters: readonly Parameter[]
  /** What each token is carried in after the last layer and norm: (B, T) words give (B, T, C). */
  readonly hidden: (weights: Weights, tokens: Grid<'u'>, pass: Pass) => Grid<'f'>
  /** Scores of the next token, from what tokens are carried in: (.., C) gives (.., V). */
  readonly logits: (weights: Weights, hidden: Grid<'f'>) => Grid<'f'>
}

/** One way through the layers. The layers say what they attend with; the pass knows where tokens stand and what came before. */
export type Pass = {
  /** Places of the tokens, (B, T). Absent: every row's tokens stand at 0, 1, .. T - 1. */
  readonly places?: Grid<'u'>
  /** Attention of one layer: query is (B, T, H, D), key and value (B, T, K, D); gives (B, T, H, D). */
  readonly attend: (layer: number, heads: Heads) => Grid<'f'>
  /** Drops activations while training. Called in the order of the model's dropout sites. */
  readonly drop: (x: Grid<'f'>) => Grid<'f'>
  /** How layers are run; as they are if absent. */
  readonly block?: Block
}
export type Heads = { readonly query: Grid<'f'>; readonly key: Grid<'f'>; readonly value: Grid<'f'> }

/** What dropout draws from: step and seed are state words, (1) each, so a re-run drops the same activations. */
export type Dropping = { readonly part: number; readonly step: Grid<'u'>; readonly seed: Grid<'u'> }

/** Whole windows at once: place t sees places 0 to t. Without `dropping` nothing is dropped. */
export const windowPass = (dropping?: Dropping, block: Block = asItIs): Pass => {
  let site = 0
  const drop = (x: Grid<'f'>): Grid<'f'> =>
    dropping ? dropout(x, dropping.part, { ...dropping, salt: SALT.dropout + site++ }) : x
  return { drop, block, attend: (_, heads) => attention({ ...heads, causal: true, drop }).mixed }
}
