import { setTimeout as sleep } from 'node:timers/promises'
import type { Keeper, RoundEnd } from '@lockstep/assist/federated'

export type KeepRoundsOptions = {
  readonly keeper: Keeper
  /** Seconds of the clock that rounds go by: the chain's, where there is one. */
  readonly now: () => number
  /** Milliseconds between looks. */
  readonly every: number
  /** How a round ended; the next one opens then. */
  readonly ended?: (end: RoundEnd) => void
  /** A fault of the keeper's own storage or executor. The next look tries again. */
  readonly failed?: (error: unknown) => void
}

/** Opens round after round and ends each where it is due, until it is stopped; `stop` waits for what is under way. */
export const keepRounds = (options: KeepRoundsOptions): { readonly stop: () => Promise<void> } => {
  const { keeper, now, every, ended, failed } = options
  const stopping = new AbortController()
  const { signal } = stopping
  const turn = async (): Promise<void> => {
    await keeper.open(now())
    const end = await keeper.tick(now())
    if (end) ended?.(end)
  }
  const loop = async (): Promise<void> => {
    while (!signal.aborted) {
      await turn().catch((error: unknown) => failed?.(error))
      await sleep(every, undefined, { signal }).catch(() => {})
    }
  }
  const done = loop()
  return {
    stop: () => {
      stopping.abort()
      return done
    },
  }
}
