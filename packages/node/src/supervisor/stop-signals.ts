/**
 * Runs `stop` at the first SIGTERM, SIGINT or SIGHUP, and `force` at the second one, or where `stop` takes longer than
 * `within` milliseconds. Gives a function that takes the handlers away.
 */
export const onStopSignals = (
  stop: (signal: NodeJS.Signals) => Promise<void>,
  force: (signal: NodeJS.Signals) => void,
  within: number,
): (() => void) => {
  let stopping = false
  const handle = (signal: NodeJS.Signals): void => {
    if (stopping) {
      force(signal)
      return
    }
    stopping = true
    const late = setTimeout(() => force(signal), within)
    void stop(signal).finally(() => clearTimeout(late))
  }
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, handle)
  return () => {
    for (const signal of signals) process.off(signal, handle)
  }
}
