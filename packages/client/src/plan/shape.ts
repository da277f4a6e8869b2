import { GIVEN } from '@lockstep/market'
import type { MarketTerms } from '../manifest/schema.ts'

/** What a slice is for, and whose states it reads. Rounds, workers and variants count from 0. */
export type SliceShape =
  | {
      readonly role: 'train'
      readonly round: number
      /** Of a sweep: the variant. */
      readonly worker: number
      readonly initialFrom: number
      readonly group: number
    }
  | {
      readonly role: 'merge'
      readonly round: number
      /** The first of the workers' slices; the merge begins with its state and reads all of them. */
      readonly initialFrom: number
      readonly inputsFrom: readonly number[]
    }

/** The slices of a job in their order, and those whose final states are its results. */
export type Shape = { readonly slices: readonly SliceShape[]; readonly results: readonly number[] }

/**
 * How a job's slices hang together, one round after the other:
 *
 *   train, 1 worker     train -> train -> ...
 *   train, W workers    W x train on a shard each -> merge -> W x train on the same shards -> merge -> ...
 *   sweep, V variants   V x (train -> train -> ...)
 *   replicas, R         R x train by different accounts -> R x train from the first one's state -> ...
 */
export const shapeOf = (
  market: Pick<MarketTerms, 'mode' | 'workers' | 'rounds'> & { readonly sweep: readonly unknown[] },
): Shape => {
  const { mode, rounds } = market
  const width = mode === 'sweep' ? market.sweep.length : market.workers
  const slices: SliceShape[] = []
  let before: number[] = Array(width).fill(GIVEN) // what each worker's next slice begins with
  for (let round = 0; round < rounds; round++) {
    const first = slices.length
    const group = mode === 'replicas' ? round + 1 : 0
    for (let worker = 0; worker < width; worker++)
      slices.push({ role: 'train', round, worker, initialFrom: before[worker]!, group })
    const workers = before.map((_, worker) => first + worker)
    if (mode === 'train' && width > 1) {
      before = Array(width).fill(slices.length)
      slices.push({ role: 'merge', round, initialFrom: first, inputsFrom: workers })
    } else before = mode === 'replicas' ? Array(width).fill(first) : workers
  }
  return { slices, results: mode === 'sweep' ? before : before.slice(0, 1) }
}
