import { Worker } from 'node:worker_threads'
import { CEILING_BYTES, type CeilingTask, ceilingWork } from '@lockstep/tensor'

/**
 * The most that this machine's WebAssembly can do: fused multiply-adds on registers alone, and memory read or copied
 * in order on buffers far beyond any cache. On one thread and on as many as were asked for; the best of the rounds.
 */
export type Ceilings = {
  /** GFLOP/s of relaxed_madd at 128 bits; a multiply-add is two operations. */
  readonly fma: readonly [one: number, all: number]
  /** GB/s, 10^9 bytes. A copied byte counts twice, read and written. */
  readonly read: readonly [one: number, all: number]
  readonly copy: readonly [one: number, all: number]
}

/** Measures all ceilings with threads of their own, which end with it: about two seconds, less where it is `quick`. */
export const measureCeilings = async (
  rounds: number,
  { threads: most = 2, quick = false }: { readonly threads?: number; readonly quick?: boolean } = {},
): Promise<Ceilings> => {
  const threads = Array.from(
    { length: most },
    () => new Worker(new URL('./ceiling-thread.ts', import.meta.url)),
  )
  const ask = (thread: Worker, task: CeilingTask): Promise<number> =>
    new Promise((resolve, reject) => {
      thread.once('error', reject)
      thread.once('message', (seconds: number) => {
        thread.off('error', reject)
        resolve(seconds)
      })
      thread.postMessage(task)
    })
  /** Together they have done it when the slower of them has. */
  const rate = async (task: CeilingTask, count: number): Promise<number> => {
    const seconds = await Promise.all(threads.slice(0, count).map((thread) => ask(thread, task)))
    return (count * ceilingWork(task)) / 1e9 / Math.max(...seconds)
  }
  try {
    const found: { [kind in CeilingTask['kind']]: [number, number] } = {
      fma: [0, 0],
      read: [0, 0],
      copy: [0, 0],
    }
    const tasks: CeilingTask[] = [
      { kind: 'fma', amount: quick ? 5_000_000 : 20_000_000 },
      { kind: 'read', amount: quick ? CEILING_BYTES / 2 : CEILING_BYTES },
      { kind: 'copy', amount: quick ? CEILING_BYTES / 2 : CEILING_BYTES },
    ]
    for (let round = 0; round < rounds; round++)
      for (const task of tasks)
        for (const [at, count] of [1, most].entries()) {
          const best = found[task.kind]
          best[at] = Math.max(best[at]!, await rate(task, count))
        }
    return found
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()))
  }
}
