/** Something that the node consists of: a service in this process, or a process of its own. */
export type Part = {
  readonly name: string
  /** Fulfilled when it is up: what comes after it may use it. Rejected, it is tried again later. */
  start(stopping: AbortSignal): Promise<RunningPart>
  /** Milliseconds. */
  readonly startWithin?: number
  readonly stopWithin?: number
}

export type RunningPart = {
  /** Fulfilled with the reason when it is over, whether it was stopped or not. Never rejected. */
  readonly ended: Promise<string>
  /** Asks it to end; `ended` says when. */
  stop(): void | Promise<void>
  /** Ends it at once. A service of this process that does not stop cannot be ended: it is left behind. */
  kill(): void
  readonly pid?: number | undefined
}

/** A service of this process as a part: `run` starts it and gives how to stop it; it says by `failed` that it is over. */
export const servicePart = (
  name: string,
  run: (failed: (reason: string) => void, stopping: AbortSignal) => Promise<() => void | Promise<void>>,
  bounds: Pick<Part, 'startWithin' | 'stopWithin'> = {},
): Part => ({
  name,
  ...bounds,
  start: async (stopping) => {
    const { promise: ended, resolve } = Promise.withResolvers<string>()
    const stop = await run(resolve, stopping)
    return {
      ended,
      stop: async () => {
        try {
          await stop()
        } finally {
          resolve('stopped')
        }
      },
      kill: () => resolve('left behind'),
    }
  },
})
