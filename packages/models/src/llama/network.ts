import {
  type Grid,
  gatherRows,
  index,
  map,
  materialise,
  matmul,
  reshape,
  rmsNorm,
  rotary,
  rotaryFrequencies,
  rotation,
  swiglu,
  transpose,
} from '@lockstep/tensor'
import type { LanguageNetwork, Pass } from '../language/network.ts'
import { asItIs } from '../layer/block.ts'
import { residual } from '../layer/residual.ts'
import type { Weights } from '../layer/weights.ts'
import { checkLlamaConfig, type LlamaConfig } from './config.ts'
import { llamaParameters } from './parameters.ts'

/** Llama (Touvron et al., 2023): RMS norms, rotary positions in halves, key heads that are shared, a gated feed-forward part. */
export const llamaNetwork = (config: LlamaConfig): LanguageNetwork => {
  checkLlamaConfig(config)
  const { vocab, context, width, layers, heads, keyHeads, tied } = config
  return {
    family: 'language',
    vocab,
    context,
    width,
    layers,
    keyHeads,
    headWidth: width / heads,
    dropout: 0,
    parameters: llamaParameters(config),
    hidden: (weights, tokens, pass) => llamaHidden(config, weights, tokens, pass),
    logits: (weights, hidden) =>
      tied
        ? matmul(hidden, transpose(weights.of('token.embedding')))
        : weights.product(hidden, 'head.weight'),
  }
}

const llamaHidden = (
  { layers, heads, keyHeads, width, theta, epsilon }: LlamaConfig,
  weights: Weights,
  tokens: Grid<'u'>,
  { places, attend, block = asItIs }: Pass,
): Grid<'f'> => {
  const [batch, length] = tokens.shape as [number, number]
  const norm = (x: Grid<'f'>, name: string): Grid<'f'> =>
    rmsNorm(x, { gain: weights.of(`${name}.gain`), epsilon })
  const split = (x: Grid<'f'>, into: number): Grid<'f'> => reshape(x, [batch, length, into, width / heads])
  const stand = places ?? map([], () => index(0), { shape: [length], label: 'places' })
  const turn = rotation(stand, rotaryFrequencies(width / heads, theta))

  let x: Grid<'f'> = materialise(gatherRows(weights.of('token.embedding'), tokens))
  for (let l = 0; l < layers; l++) {
    const name = `layer.${l}`
    x = block((given) => {
      const normed = norm(given, `${name}.attention.norm`)
      const part = (of: string, into: number): Grid<'f'> =>
        split(weights.product(normed, `${name}.attention.${of}.weight`), into)
      const mixed = attend(l, {
        query: rotary(part('query', heads), turn),
        key: rotary(part('key', keyHeads), turn),
        value: part('value', keyHeads),
      })
      const out = weights.product(reshape(mixed, [batch, length, width]), `${name}.attention.out.weight`)
      const seen = residual(given, out)
      const again = norm(seen, `${name}.mlp.norm`)
      const gated = swiglu(
        weights.product(again, `${name}.mlp.gate.weight`),
        weights.product(again, `${name}.mlp.up.weight`),
      )
      return residual(seen, weights.product(gated, `${name}.mlp.down.weight`))
    })(x)
  }
  return norm(x, 'norm')
}
