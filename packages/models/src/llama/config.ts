import { checkInteger, checkKeys, checkNumber } from '../check.ts'
import { ModelError } from '../model-error.ts'

/** A decoder-only transformer over tokens, as Llama has it (Touvron et al., 2023). */
export type LlamaConfig = {
  readonly vocab: number // V: token ids are 0 to vocab - 1
  readonly context: number // T: tokens it sees at once
  readonly width: number // C: numbers a token is carried in
  readonly layers: number
  readonly heads: number // divides width; the quotient is even
  readonly keyHeads: number // heads of keys and values; divides heads
  readonly inner: number // width between the layers of a feed-forward part
  readonly theta: number // base of the rotary frequencies
  readonly epsilon: number // of the norms
  readonly tied: boolean // whether the embedding of tokens is also the head
}

/** About 0.76 million parameters over bytes. */
export const DEFAULT_LLAMA: LlamaConfig = {
  vocab: 256,
  context: 64,
  width: 128,
  layers: 4,
  heads: 4,
  keyHeads: 2,
  inner: 344,
  theta: 10_000,
  epsilon: 1e-5,
  tied: true,
}

const RESIZE = 'Choose a model within the limits.'

export const checkLlamaConfig = (config: LlamaConfig): void => {
  checkKeys('llama', config, Object.keys(DEFAULT_LLAMA))
  checkInteger('llama.vocab', config.vocab, 2, 2 ** 20, RESIZE)
  checkInteger('llama.context', config.context, 1, 2 ** 17, RESIZE)
  checkInteger('llama.width', config.width, 2, 16384, RESIZE)
  checkInteger('llama.layers', config.layers, 1, 128, RESIZE)
  checkInteger('llama.heads', config.heads, 1, config.width / 2, RESIZE)
  if (config.width % (2 * config.heads) !== 0) {
    const limit = `a divisor of half the width, ${config.width / 2}`
    throw new ModelError('config-invalid', 'llama.heads', config.heads, limit, 'Change heads or width.')
  }
  checkInteger('llama.keyHeads', config.keyHeads, 1, config.heads, RESIZE)
  if (config.heads % config.keyHeads !== 0) {
    const limit = `a divisor of heads, ${config.heads}`
    throw new ModelError('config-invalid', 'llama.keyHeads', config.keyHeads, limit, 'Change keyHeads.')
  }
  checkInteger('llama.inner', config.inner, 1, 65536, RESIZE)
  checkNumber('llama.theta', config.theta, 1, 1e9, RESIZE)
  checkNumber('llama.epsilon', config.epsilon, 1e-12, 1, RESIZE)
  if (typeof config.tied !== 'boolean')
    throw new ModelError('config-invalid', 'llama.tied', config.tied, 'true or false', RESIZE)
}
