/** Work that goes on beside something else, one piece at a time: its error comes out where somebody looks for it. */
export type Beside = {
  /** Begins a piece of work; the one before it must have ended. */
  readonly begin: (work: () => Promise<void>) => void
  readonly isBusy: () => boolean
  /** Throws what the work has failed with, if it has. */
  readonly check: () => void
  /** Waits for the work to end, and throws what it failed with. */
  readonly ended: () => Promise<void>
  /** Waits for it to end, however it does. */
  readonly settled: () => Promise<void>
}

export const createBeside = (): Beside => {
  let work: Promise<void> | undefined
  let failure: { readonly error: unknown } | undefined
  const check = (): void => {
    if (failure) throw failure.error
  }
  return {
    begin: (begun) => {
      if (work) throw new Error('work is begun while the work before it goes on')
      check()
      work = begun()
        .catch((error: unknown) => {
          failure = { error }
        })
        .finally(() => {
          work = undefined
        })
    },
    isBusy: () => work !== undefined,
    check,
    ended: async () => {
      await work
      check()
    },
    settled: async () => {
      await work
    },
  }
}
