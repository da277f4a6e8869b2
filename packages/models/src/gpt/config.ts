import { checkInteger, checkKeys, checkNumber } from '../check.ts'
import { ModelError } from '../model-error.ts'

/** A decoder-only transformer over tokens. */
export type GptConfig = {
  readonly vocab: number // V: token ids are 0 to vocab - 1
  readonly context: number // T: tokens it sees at once
  readonly width: number // C: numbers a token is carried in
  readonly layers: number
  readonly heads: number // divides width
  readonly dropout: number // probability of dropping an activation while training
  readonly inner?: number | undefined // width between the two layers of a feed-forward part; 4 * width if absent
  readonly activation?: 'gelu' | 'gelu_new' | undefined // exact if absent; gelu_new is the hub's word for the one by tanh
}

/** About 0.83 million parameters over bytes: learns a book in a minute on two threads. */
export const DEFAULT_GPT: GptConfig = { vocab: 256, context: 64, width: 128, layers: 4, heads: 4, dropout: 0 }

const RESIZE = 'Choose a model within the limits.'

export const checkGptConfig = (config: GptConfig): void => {
  checkKeys('gpt', config, ['vocab', 'context', 'width', 'layers', 'heads', 'dropout', 'inner', 'activation'])
  checkInteger('gpt.vocab', config.vocab, 2, 65536, RESIZE)
  checkInteger('gpt.context', config.context, 1, 4096, RESIZE)
  checkInteger('gpt.width', config.width, 1, 4096, RESIZE)
  checkInteger('gpt.layers', config.layers, 1, 64, RESIZE)
  checkInteger('gpt.heads', config.heads, 1, config.width, RESIZE)
  if (config.width % config.heads !== 0) {
    const limit = `a divisor of width, ${config.width}`
    throw new ModelError('config-invalid', 'gpt.heads', config.heads, limit, 'Change heads or width.')
  }
  checkNumber('gpt.dropout', config.dropout, 0, 0.9, 'Drop fewer activations.')
  if (config.inner !== undefined) checkInteger('gpt.inner', config.inner, 1, 65536, RESIZE)
  if (!['gelu', 'gelu_new', undefined].includes(config.activation)) {
    throw new ModelError('config-invalid', 'gpt.activation', config.activation, 'gelu or gelu_new', RESIZE)
  }
}
