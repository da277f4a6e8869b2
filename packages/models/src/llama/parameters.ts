import { filled, type Parameter, weight } from '../parameter.ts'
import type { LlamaConfig } from './config.ts'

const DEVIATION = 0.05

/**
 * The tensors a Llama learns, in the order of its state. Matrices are (in, out): y = x W, without biases. Projections
 * back into the residual stream start smaller, by 1 / sqrt(2 layers), so that its variance does not grow with depth.
 */
export const llamaParameters = (config: LlamaConfig): readonly Parameter[] => {
  const { vocab, width, layers, heads, keyHeads, inner, tied } = config
  const back = DEVIATION / Math.sqrt(2 * layers)
  const keys = (width / heads) * keyHeads
  const list: Parameter[] = [{ ...weight('token.embedding', [vocab, width], DEVIATION), kind: 'embedding' }]
  for (let l = 0; l < layers; l++) {
    list.push(
      filled(`layer.${l}.attention.norm.gain`, [width], 1),
      weight(`layer.${l}.attention.query.weight`, [width, width], DEVIATION),
      weight(`layer.${l}.attention.key.weight`, [width, keys], DEVIATION),
      weight(`layer.${l}.attention.value.weight`, [width, keys], DEVIATION),
      weight(`layer.${l}.attention.out.weight`, [width, width], back),
      filled(`layer.${l}.mlp.norm.gain`, [width], 1),
      weight(`layer.${l}.mlp.gate.weight`, [width, inner], DEVIATION),
      weight(`layer.${l}.mlp.up.weight`, [width, inner], DEVIATION),
      weight(`layer.${l}.mlp.down.weight`, [inner, width], back),
    )
  }
  list.push(filled('norm.gain', [width], 1))
  if (!tied) list.push({ ...weight('head.weight', [width, vocab], DEVIATION), kind: 'head' })
  return list
}
