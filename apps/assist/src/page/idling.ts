import type { Assistant, LearnOutcome } from '@lockstep/assist'

/** Milliseconds without an action after which a person rests. */
const REST = 3_000

export type IdlingEvents = {
  readonly outcome: (outcome: LearnOutcome) => void
  /** It does something that takes more than `after` milliseconds, or has ended. */
  readonly busy: (isBusy: boolean) => void
  readonly after: number
  readonly failed: (error: unknown) => void
}

/** Lets an assistant learn while the person rests. */
export const openIdling = (
  assistant: Pick<Assistant<never, never>, 'idle'>,
  { outcome, busy, after, failed }: IdlingEvents,
): { acted(): void } => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const rest = (): void => {
    let isTold = false
    const noticed = setTimeout(() => {
      isTold = true
      busy(true)
    }, after)
    assistant
      .idle()
      .then(outcome, failed)
      .finally(() => {
        clearTimeout(noticed)
        if (isTold) busy(false)
      })
  }
  return {
    acted: () => {
      clearTimeout(timer)
      timer = setTimeout(rest, REST)
    },
  }
}
