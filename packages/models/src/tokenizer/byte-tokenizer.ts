import { ModelError } from '../model-error.ts'
import type { Tokenizer } from './tokenizer.ts'

/** One token a byte: 256 ids. */
export const byteTokenizer: Tokenizer = {
  vocabSize: 256,
  encode: (bytes) => Uint32Array.from(bytes),
  decode: (ids) =>
    Uint8Array.from(ids, (id) => {
      if (id >= 0 && id < 256 && Number.isInteger(id)) return id
      throw new ModelError('tokenizer-invalid', 'id', id, '0 to 255', 'Use the tokenizer that made the ids.')
    }),
  save: () => '{"kind":"byte","version":1}',
}
