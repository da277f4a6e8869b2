/** At most `places` hold a turn for the same key at once; others wait in order, at most `maxWaiting` in all. */
export type Turns = {
  /** Gives how to release the turn, once; undefined when too many wait or the signal came first. */
  take(key: string, signal: AbortSignal): Promise<(() => void) | undefined>
}

export const createTurns = (places: number, maxWaiting: number): Turns => {
  const queues = new Map<string, { taken: number; waiting: (() => void)[] }>()
  let waitingInAll = 0
  const releaser = (key: string): (() => void) => {
    let released = false
    return () => {
      if (released) return
      released = true
      const queue = queues.get(key)!
      const next = queue.waiting.shift()
      if (next !== undefined) next()
      else if (--queue.taken === 0) queues.delete(key)
    }
  }
  return {
    async take(key, signal) {
      const queue = queues.get(key) ?? { taken: 0, waiting: [] }
      queues.set(key, queue)
      if (queue.taken < places) {
        queue.taken++
        return releaser(key)
      }
      if (waitingInAll >= maxWaiting || signal.aborted) return undefined
      waitingInAll++
      const got = await new Promise<boolean>((resolve) => {
        const mine = (): void => {
          signal.removeEventListener('abort', stop)
          resolve(true)
        }
        const stop = (): void => {
          queue.waiting.splice(queue.waiting.indexOf(mine), 1)
          resolve(false)
        }
        queue.waiting.push(mine)
        signal.addEventListener('abort', stop, { once: true })
      })
      waitingInAll--
      return got ? releaser(key) : undefined
    },
  }
}
