import { DTYPES, type Tensor } from '@lockstep/tensor'
import { checkInteger } from '../check.ts'

/**
 * A corpus cut for workers: with n tokens, worker w gets those from w * floor(n / workers) on, floor(n / workers) of
 * them. All shards are of one type, so that one program trains on each; the n mod workers tokens at the end are left
 * out.
 */
export const shardCorpus = (tokens: Tensor, workers: number): Tensor[] => {
  const count = tokens.shape[0] ?? 0
  checkInteger('workers', workers, 1, Math.max(count, 1), 'Give each worker a token at least.')
  const length = Math.floor(count / workers)
  const bytes = length * DTYPES[tokens.dtype].bytes
  return Array.from({ length: workers }, (_, w) => ({
    dtype: tokens.dtype,
    shape: [length],
    data: tokens.data.slice(w * bytes, (w + 1) * bytes),
  }))
}
