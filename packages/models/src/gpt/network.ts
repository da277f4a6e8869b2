import {
  type Grid,
  gatherRows,
  gelu,
  geluByTanh,
  layerNorm,
  matmul,
  pick,
  reshape,
  slice,
  transpose,
} from '@lockstep/tensor'
import type { LanguageNetwork, Pass } from '../language/network.ts'
import { asItIs } from '../layer/block.ts'
import { denseLayer } from '../layer/dense.ts'
import { residual } from '../layer/residual.ts'
import type { Weights } from '../layer/weights.ts'
import { checkGptConfig, type GptConfig } from './config.ts'
import { gptParameters } from './parameters.ts'

/** GPT-2 (Radford et al., 2019): learned positions, norms before each part, one projection for query, key and value. */
export const gptNetwork = (config: GptConfig): LanguageNetwork => {
  checkGptConfig(config)
  const { vocab, context, width, layers, heads, dropout } = config
  return {
    family: 'language',
    vocab,
    context,
    width,
    layers,
    keyHeads: heads,
    headWidth: width / heads,
    dropout,
    parameters: gptParameters(config),
    hidden: (weights, tokens, pass) => gptHidden(config, weights, tokens, pass),
    logits: (weights, hidden) => matmul(hidden, transpose(weights.of('token.embedding'))),
  }
}

const gptHidden = (
  { layers, heads, width, activation }: GptConfig,
  weights: Weights,
  tokens: Grid<'u'>,
  { places, attend, drop, block = asItIs }: Pass,
): Grid<'f'> => {
  const [batch, length] = tokens.shape as [number, number]
  const norm = (x: Grid<'f'>, name: string): Grid<'f'> =>
    layerNorm(x, { gain: weights.of(`${name}.gain`), bias: weights.of(`${name}.bias`) })
  const bend = activation === 'gelu_new' ? geluByTanh : gelu

  const positions = weights.of('position.embedding')
  const token = gatherRows(weights.of('token.embedding'), tokens)
  let x = drop(residual(token, places ? gatherRows(positions, places) : slice(positions, { to: length })))
  for (let l = 0; l < layers; l++) {
    const name = `layer.${l}`
    x = block((given) => {
      const qkv = denseLayer(weights, norm(given, `${name}.attention.norm`), `${name}.attention.qkv`)
      const split = reshape(qkv, [batch, length, 3, heads, width / heads])
      const mixed = attend(l, { query: pick(split, 0, 2), key: pick(split, 1, 2), value: pick(split, 2, 2) })
      const out = denseLayer(weights, reshape(mixed, [batch, length, width]), `${name}.attention.out`)
      const seen = residual(given, drop(out))
      const inner = bend(denseLayer(weights, norm(seen, `${name}.mlp.norm`), `${name}.mlp.in`))
      return residual(seen, drop(denseLayer(weights, inner, `${name}.mlp.out`)))
    })(x)
  }
  return norm(x, 'norm')
}
