import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * What the network moves becomes garbage outside of V8's heap, three bytes and more for each that is sent. V8 looks at
 * its young objects when there are many of them, and here there are few, with 64 KiB behind each. So the bytes pile up
 * until V8 marks its whole heap for them, on all cores, twenty times a second: that takes more time than all the rest.
 * Here the young are looked at while there is little behind them, and what they leave is freed at once: on a busy
 * machine V8's own thread for it comes too late, and the marking begins all the same.
 */
export const YOUNG_BYTES = 2 ** 22

let collect: (() => void) | undefined
let moved = 0

/** To be told of the bytes that the network sends and gets. */
export const noteMoved = (bytes: number): void => {
  moved += bytes
  if (moved < YOUNG_BYTES) return
  moved = 0
  collect ??= collector()
  collect()
}

const collector = (): (() => void) => {
  setFlagsFromString('--expose-gc')
  setFlagsFromString('--no-concurrent-array-buffer-sweeping')
  const gc = runInNewContext('gc') as (options: { type: 'minor' }) => void
  return () => gc({ type: 'minor' })
}
