import type { Kernels } from './engine.ts'

/**
 * How the threads of an executor work on one step together. All of them walk the same list of entries; an entry that
 * is worth it is shared out by units, the others are left to thread 0. The words below are all they share.
 */
export type Entry = {
  readonly kernel: string
  readonly units: number // 0: there is nothing to do
  readonly grain: number // units that a thread claims at once; 0: thread 0 does all
  readonly table: number
}
/**
 * A program as every thread holds it. Entries are by parity of the step, first those of a step that follows a load and
 * then those of all others: a state that was loaded may hold any NaN, one that a step has written holds the one NaN.
 */
export type Work = {
  readonly canary: string
  readonly entries: readonly (readonly Entry[])[]
  readonly scratch: number // address of thread 0's scratch
  readonly scratchBytes: number
}

/** Where thread 0 adds up what each entry takes, in the clock's unit. Entries are the same at either parity. */
export type Times = { readonly now: () => number; readonly total: Float64Array; readonly calls: Uint32Array }

export const Word = {
  arrived: 0,
  generation: 1,
  sleepers: 2,
  claimed: 3,
  command: 4, // counts commands
  kind: 5,
  work: 6,
  list: 7, // which of the work's lists of entries
  from: 8,
  to: 9,
  failed: 10, // 1 + the number of a thread that failed
  count: 16,
} as const
export const Kind = { run: 0, leave: 1 } as const

/**
 * How often a thread looks before it sleeps: about half a millisecond. To be woken takes as long as a small kernel runs, so
 * threads that sleep between kernels take turns at computing instead of sharing: docs/decisions/0027.
 */
const SPINS = 20_000

/** Waits until a word is no longer `old`. */
export const waitWhile = (control: Int32Array, at: number, old: number): void => {
  for (let i = 0; i < SPINS; i++) if (Atomics.load(control, at) !== old) return
  Atomics.add(control, Word.sleepers, 1)
  while (Atomics.load(control, at) === old) Atomics.wait(control, at, old)
  Atomics.sub(control, Word.sleepers, 1)
}

/** Changes a word that others wait for. */
export const announce = (control: Int32Array, at: number): void => {
  Atomics.add(control, at, 1)
  if (Atomics.load(control, Word.sleepers) > 0) Atomics.notify(control, at)
}

const barrier = (control: Int32Array, threads: number): void => {
  const generation = Atomics.load(control, Word.generation)
  if (Atomics.add(control, Word.arrived, 1) + 1 < threads) waitWhile(control, Word.generation, generation)
  else {
    Atomics.store(control, Word.arrived, 0)
    Atomics.store(control, Word.claimed, 0)
    announce(control, Word.generation)
  }
}

/** One thread's part of entries [from, to). A failure is told to the others, which then skip the work. */
export const runEntries = (
  work: Work,
  kernels: Kernels,
  control: Int32Array,
  thread: number,
  threads: number,
  which: number,
  from: number,
  to: number,
  onError: (error: unknown) => void,
  times?: Times,
): void => {
  const entries = work.entries[which]!
  const scratch = work.scratch + thread * work.scratchBytes
  const guarded = (run: () => void): void => {
    if (Atomics.load(control, Word.failed) !== 0) return
    try {
      run()
    } catch (error) {
      Atomics.store(control, Word.failed, thread + 1)
      onError(error)
    }
  }
  guarded(() => {
    if (kernels[work.canary]!(0, 0, 0, 0) !== 1) throw new Error(CANARY_FAILED)
  })
  let since = times?.now() ?? 0
  const timed = (entry: number): void => {
    if (!times) return
    const now = times.now()
    times.total[entry]! += now - since
    times.calls[entry]!++
    since = now
  }
  let alone = false // thread 0 has work that the others have not waited for
  for (let i = from; i < to; i++) {
    const { kernel, units, grain, table } = entries[i]!
    if (units === 0) {
      timed(i)
      continue
    }
    const run = kernels[kernel]!
    if (grain === 0 || threads === 1) {
      alone = true
      if (thread === 0) guarded(() => run(0, units, table, scratch))
      timed(i)
      continue
    }
    if (alone) barrier(control, threads)
    alone = false
    guarded(() => {
      for (;;) {
        const begin = Atomics.add(control, Word.claimed, grain)
        if (begin >= units) return
        run(begin, Math.min(begin + grain, units), table, scratch)
      }
    })
    barrier(control, threads)
    timed(i)
  }
}

export const CANARY_FAILED =
  'this thread no longer computes IEEE 754 as it did at start-up: another library changed its floating-point control ' +
  'word; load that library in another process'
