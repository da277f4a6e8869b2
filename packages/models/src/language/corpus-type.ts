import { ModelError } from '../model-error.ts'

/** A corpus as a program sees it: how many tokens, and how they are stored. */
export type CorpusType = { readonly tokens: number; readonly dtype: 'u8' | 'u32' }

/** A corpus must fill one window: a context and the token after it. */
export const checkCorpus = (corpus: CorpusType, context: number): void => {
  if (corpus.tokens > context && corpus.tokens <= 2 ** 31 - 1) return
  const limit = `${context + 1} to ${2 ** 31 - 1} tokens`
  throw new ModelError('corpus-invalid', 'corpus.tokens', corpus.tokens, limit, 'Give another text.')
}
