import { filled, type Parameter, weight } from '../parameter.ts'
import type { GptConfig } from './config.ts'

const DEVIATION = 0.05

/**
 * The tensors a GPT learns, in the order of its state. Matrices are (in, out): y = x W + b. The embedding of tokens
 * is also the head. Projections back into the residual stream start smaller, by 1 / sqrt(2 layers), so that its
 * variance does not grow with depth.
 */
export const gptParameters = ({
  vocab,
  context,
  width,
  layers,
  inner = 4 * width,
}: GptConfig): readonly Parameter[] => {
  const back = DEVIATION / Math.sqrt(2 * layers)
  const list: Parameter[] = [
    { ...weight('token.embedding', [vocab, width], DEVIATION), kind: 'embedding' },
    { ...weight('position.embedding', [context, width], DEVIATION), decay: false, kind: 'embedding' },
  ]
  for (let l = 0; l < layers; l++) {
    list.push(
      filled(`layer.${l}.attention.norm.gain`, [width], 1),
      filled(`layer.${l}.attention.norm.bias`, [width], 0),
      weight(`layer.${l}.attention.qkv.weight`, [width, 3 * width], DEVIATION),
      filled(`layer.${l}.attention.qkv.bias`, [3 * width], 0),
      weight(`layer.${l}.attention.out.weight`, [width, width], back),
      filled(`layer.${l}.attention.out.bias`, [width], 0),
      filled(`layer.${l}.mlp.norm.gain`, [width], 1),
      filled(`layer.${l}.mlp.norm.bias`, [width], 0),
      weight(`layer.${l}.mlp.in.weight`, [width, inner], DEVIATION),
      filled(`layer.${l}.mlp.in.bias`, [inner], 0),
      weight(`layer.${l}.mlp.out.weight`, [inner, width], back),
      filled(`layer.${l}.mlp.out.bias`, [width], 0),
    )
  }
  list.push(filled('norm.gain', [width], 1), filled('norm.bias', [width], 0))
  return list
}
