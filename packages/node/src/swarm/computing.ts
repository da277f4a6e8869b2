import { FaultError } from '@lockstep/tensor'

/** Work of minutes that turns do not wait for: one begins it, and a later one takes its result. */
export type Computing = {
  readonly isBusy: () => boolean
  /** What the work of that name came to, once; undefined while it is under way, or something else is. */
  readonly take: <T>(name: string, begin: () => Promise<T>) => { readonly done: T } | undefined
}

/** Begins a model's work about a round and its stage, or takes what it came to. */
export type Compute = <T>(
  what: 'open' | 'answer' | 'judge' | 'learn',
  round: number,
  work: () => Promise<T>,
  stage?: number,
) => { readonly done: T } | undefined

/** Times in a row that work may fail: a process that is killed for its memory would be killed for ever. */
const MOST_FAILURES = 3

/** @param failed Told of work that failed and is begun again with the next turn; a fault is thrown, since it would stay */
export const openComputing = (failed: (name: string, error: Error) => void): Computing => {
  type Work = { readonly name: string; end?: { readonly value: unknown } | { readonly error: Error } }
  let work: Work | undefined
  let failures = 0
  return {
    isBusy: () => work !== undefined && work.end === undefined,
    take: <T>(name: string, begin: () => Promise<T>) => {
      if (work !== undefined && work.end === undefined) return undefined
      if (work?.name === name) {
        const { end } = work
        work = undefined
        if ('value' in end!) {
          failures = 0
          return { done: end.value as T }
        }
        const { error } = end!
        if (error instanceof FaultError || ++failures === MOST_FAILURES) throw error
        failed(name, error)
        return undefined
      }
      // A result that nobody has taken is of a round that went on without it.
      const begun: Work = { name }
      work = begun
      begin().then(
        (value) => {
          begun.end = { value }
        },
        (error: unknown) => {
          begun.end = { error: error instanceof Error ? error : new Error(String(error)) }
        },
      )
      return undefined
    },
  }
}
