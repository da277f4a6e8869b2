import { FaultError } from '@lockstep/tensor'

/** Work of minutes that turns do not wait for: one begins it, and a later one takes its result. */
export type Computing = {
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
/** Results that wait to be taken: one of a stage that was missed is never asked for again. */
const MOST_RESULTS = 16

type End = { readonly value: unknown } | { readonly error: Error }

/**
 * One piece of work at a time. What it came to waits until it is taken, whatever is begun meanwhile: to learn from a round once
 * more would be from the model that has learned from it.
 *
 * @param failed Told of work that failed and is begun again with the next turn; a fault is thrown, since it would stay
 */
export const openComputing = (failed: (name: string, error: Error) => void): Computing => {
  const ends = new Map<string, End>()
  let isBusy = false
  let failures = 0
  const end = (name: string, what: End): void => {
    isBusy = false
    ends.set(name, what)
    for (const [oldest] of ends) if (ends.size > MOST_RESULTS) ends.delete(oldest)
  }
  return {
    take: <T>(name: string, begin: () => Promise<T>) => {
      const found = ends.get(name)
      if (found !== undefined && 'value' in found) {
        ends.delete(name)
        failures = 0
        return { done: found.value as T }
      }
      if (isBusy) return undefined
      if (found !== undefined) {
        // The next piece of work begins with the model as it is on the disk, where nothing that waits here is.
        ends.clear()
        const { error } = found
        if (error instanceof FaultError || ++failures === MOST_FAILURES) throw error
        failed(name, error)
        return undefined
      }
      isBusy = true
      begin().then(
        (value) => end(name, { value }),
        (error: unknown) => end(name, { error: error instanceof Error ? error : new Error(String(error)) }),
      )
      return undefined
    },
  }
}
