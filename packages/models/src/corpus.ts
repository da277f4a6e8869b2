import type { Tensor } from '@lockstep/tensor'
import { ModelError } from './model-error.ts'
import type { Tokenizer } from './tokenizer/tokenizer.ts'

/** A text cut in two, as input tensors of token ids: u8 where they fit, else u32. */
export type Corpus = { readonly train: Tensor; readonly heldOut: Tensor }

/** A text's tokens as an input tensor of one dimension. */
export const tokenTensor = (text: Uint8Array<ArrayBufferLike>, tokenizer: Tokenizer): Tensor => {
  const ids = tokenizer.encode(text)
  if (tokenizer.vocabSize <= 256) return { dtype: 'u8', shape: [ids.length], data: Uint8Array.from(ids) }
  const data = new Uint8Array(4 * ids.length)
  const view = new DataView(data.buffer)
  for (const [i, id] of ids.entries()) view.setUint32(4 * i, id, true)
  return { dtype: 'u32', shape: [ids.length], data }
}

/**
 * The last `heldOutPart` of the bytes (rounded down) is held out, the rest trains. The cut is by bytes, before
 * tokenizing, so that no token spans it. `minimum`: tokens that each part must have, a context and one at least.
 */
export const splitCorpus = (
  text: Uint8Array<ArrayBufferLike>,
  tokenizer: Tokenizer,
  minimum: number,
  heldOutPart = 0.1,
): Corpus => {
  if (!(heldOutPart > 0 && heldOutPart < 1)) {
    throw new ModelError(
      'corpus-invalid',
      'heldOutPart',
      heldOutPart,
      'between 0 and 1',
      'Give another part.',
    )
  }
  const cut = text.length - Math.floor(text.length * heldOutPart)
  const corpus = {
    train: tokenTensor(text.subarray(0, cut), tokenizer),
    heldOut: tokenTensor(text.subarray(cut), tokenizer),
  }
  for (const [part, { shape }] of Object.entries(corpus)) {
    if (shape[0]! >= minimum) continue
    throw new ModelError(
      'corpus-invalid',
      `${part} tokens`,
      shape[0],
      `at least ${minimum}`,
      'Give a longer text.',
    )
  }
  return corpus
}
