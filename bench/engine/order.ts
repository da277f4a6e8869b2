/**
 * What a peer is asked to build. All numbers in it come from `pattern`; both sides compute in float32.
 * - product: c = a b, a (batch, m, k) from seed 1, b (batch, k, n) from seed 2; check: three elements of c.
 * - mlp, gpt: training steps on one batch; check: the losses of the first three steps.
 * - llama: one more token of each text, by a model file and its inputs; check: the likeliest tokens.
 */
export type Order =
  | {
      readonly case: 'product'
      readonly batch: number
      readonly m: number
      readonly n: number
      readonly k: number
    }
  | { readonly case: 'softmax' | 'norm'; readonly rows: number; readonly columns: number }
  | ({ readonly case: 'mlp' } & MlpCase)
  | ({ readonly case: 'gpt' } & GptCase)
  | { readonly case: 'llama'; readonly model: string }

/** Dense layers with ReLU between, cross-entropy, Adam. */
export type MlpCase = {
  readonly widths: readonly number[]
  readonly batch: number
  readonly rate: number
  readonly warm?: number // steps whose losses are compared; 3 if absent
}
/** A GPT with tied embeddings, layer norms before, GELU (erf), AdamW with clipping at 1 and decay 0.1 of matrices. */
export type GptCase = {
  readonly vocab: number
  readonly context: number
  readonly width: number
  readonly layers: number
  readonly heads: number
  readonly batch: number
  readonly rate: number
  readonly warm?: number // steps whose losses are compared; 3 if absent
}
/** A tensor that is learned: its shape, and `base` + pattern(its place in the list + 10) * scale. */
export type Weight = {
  readonly name: string
  readonly shape: readonly number[]
  readonly scale: number
  readonly base: number
  readonly decay: boolean
}

export const mlpWeights = ({ widths }: MlpCase): Weight[] =>
  widths
    .slice(1)
    .flatMap((out, l) => [
      matrix(`layer.${l}.weight`, [widths[l]!, out], Math.sqrt(24 / widths[l]!)),
      vector(`layer.${l}.bias`, out, 0),
    ])

export const gptWeights = ({ vocab, context, width, layers }: GptCase): Weight[] => {
  const list = [
    matrix('token.embedding', [vocab, width], 0.17),
    { ...matrix('position.embedding', [context, width], 0.17), decay: false },
  ]
  for (let l = 0; l < layers; l++) {
    const layer = `layer.${l}`
    list.push(
      vector(`${layer}.attention.norm.gain`, width, 1),
      vector(`${layer}.attention.norm.bias`, width, 0),
      matrix(`${layer}.attention.qkv.weight`, [width, 3 * width], 0.17),
      vector(`${layer}.attention.qkv.bias`, 3 * width, 0),
      matrix(`${layer}.attention.out.weight`, [width, width], 0.06),
      vector(`${layer}.attention.out.bias`, width, 0),
      vector(`${layer}.mlp.norm.gain`, width, 1),
      vector(`${layer}.mlp.norm.bias`, width, 0),
      matrix(`${layer}.mlp.in.weight`, [width, 4 * width], 0.17),
      vector(`${layer}.mlp.in.bias`, 4 * width, 0),
      matrix(`${layer}.mlp.out.weight`, [4 * width, width], 0.06),
      vector(`${layer}.mlp.out.bias`, width, 0),
    )
  }
  list.push(vector('norm.gain', width, 1), vector('norm.bias', width, 0))
  return list
}

const matrix = (name: string, shape: readonly number[], scale: number): Weight => ({
  ...{ name, shape, scale },
  ...{ base: 0, decay: true },
})
const vector = (name: string, length: number, base: number): Weight => ({
  ...{ name, shape: [length], scale: 0 },
  ...{ base, decay: false },
})
