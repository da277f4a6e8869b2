import { Worker } from 'node:worker_threads'
import { Fn, I32, KERNEL, ModuleWriter, V128 } from '../../packages/tensor/src/wasm/emitter.ts'

/**
 * The most that this machine's WebAssembly can do: fused multiply-adds on registers alone, and memory read or copied
 * in order on buffers far beyond any cache. By number of threads; the best of the rounds.
 */
export type Ceilings = {
  /** GFLOP/s of relaxed_madd at 128 bits; a multiply-add is two operations. */
  readonly fma: readonly [one: number, two: number]
  /** GB/s, 10^9 bytes. A copied byte counts twice, read and written. */
  readonly read: readonly [one: number, two: number]
  readonly copy: readonly [one: number, two: number]
}

export type Kind = 'fma' | 'read' | 'copy'
/** What a thread is asked: `amount` is loops for fma and bytes for the others. */
export type Task = { readonly kind: Kind; readonly amount: number }

/** Enough to cover the latency of a multiply-add on every port, few enough to stay in registers. */
const ACCUMULATORS = 12
const STREAMS = 8
export const BUFFER = 192 * 2 ** 20

const fma = (): Fn => {
  const f = new Fn(KERNEL)
  const xs = Array.from({ length: ACCUMULATORS }, (_, i) => f.splat(0x3f800000 + i).keep(V128))
  const y = f.splat(0x3f7fffff).keep(V128)
  const n = f.get(1).keep(I32)
  f.loop((again) => {
    for (const x of xs) f.get(x).get(y).get(x).v('f32x4.relaxed_madd').set(x)
    f.get(n).i32(1).op('i32.sub').tee(n).brIf(again)
  })
  const sum = f.splat(0).keep(V128)
  for (const x of xs) f.get(sum).get(x).v('f32x4.add').set(sum)
  return f.i32(0).get(sum).memory('v128.store')
}

/** Adds up the bytes [begin, end). */
const read = (): Fn => {
  const f = new Fn(KERNEL)
  const sums = Array.from({ length: STREAMS }, () => f.splat(0).keep(V128))
  f.loop((again) => {
    for (const [i, sum] of sums.entries())
      f.get(sum)
        .get(0)
        .memory('v128.load', 16 * i)
        .v('i32x4.add')
        .set(sum)
    f.get(0)
      .i32(16 * STREAMS)
      .op('i32.add')
      .tee(0)
      .get(1)
      .op('i32.lt_u')
      .brIf(again)
  })
  const sum = f.splat(0).keep(V128)
  for (const x of sums) f.get(sum).get(x).v('i32x4.add').set(sum)
  return f.i32(0).get(sum).memory('v128.store')
}

/** Copies the bytes [begin, end) to where the third argument points. */
const copy = (): Fn => {
  const f = new Fn(KERNEL)
  const words = Array.from({ length: STREAMS }, () => f.local(V128))
  f.loop((again) => {
    for (const [i, word] of words.entries())
      f.get(0)
        .memory('v128.load', 16 * i)
        .set(word)
    for (const [i, word] of words.entries())
      f.get(2)
        .get(word)
        .memory('v128.store', 16 * i)
    f.get(2)
      .i32(16 * STREAMS)
      .op('i32.add')
      .set(2)
    f.get(0)
      .i32(16 * STREAMS)
      .op('i32.add')
      .tee(0)
      .get(1)
      .op('i32.lt_u')
      .brIf(again)
  })
  return f
}

/** The functions in one module, exported as '0' (fma), '1' (read) and '2' (copy), on a memory with two buffers. */
export const ceilingModule = (): { bytes: Uint8Array<ArrayBuffer>; limits: typeof LIMITS } => {
  const writer = new ModuleWriter()
  for (const fn of [fma(), read(), copy()]) writer.add(fn)
  return { bytes: writer.encode(LIMITS), limits: LIMITS }
}
const PAGES = 1 + (2 * BUFFER) / 65536
const LIMITS = { initial: PAGES, maximum: PAGES, shared: false }

/** Operations or bytes moved by a task, in 10^9. */
const work = ({ kind, amount }: Task): number =>
  (kind === 'fma' ? amount * ACCUMULATORS * 4 * 2 : kind === 'copy' ? 2 * amount : amount) / 1e9

/** Measures all ceilings with threads of their own, which end with it. */
export const measureCeilings = async (rounds: number, quick: boolean): Promise<Ceilings> => {
  const threads = [0, 1].map(() => new Worker(new URL('./ceiling-thread.ts', import.meta.url)))
  const ask = (thread: Worker, task: Task): Promise<number> =>
    new Promise((resolve, reject) => {
      thread.once('error', reject)
      thread.once('message', (seconds: number) => {
        thread.off('error', reject)
        resolve(seconds)
      })
      thread.postMessage(task)
    })
  /** Together they have done it when the slower of them has. */
  const rate = async (task: Task, count: number): Promise<number> => {
    const seconds = await Promise.all(threads.slice(0, count).map((thread) => ask(thread, task)))
    return (count * work(task)) / Math.max(...seconds)
  }
  try {
    const found: { [kind in Kind]: [number, number] } = { fma: [0, 0], read: [0, 0], copy: [0, 0] }
    const tasks: Task[] = [
      { kind: 'fma', amount: quick ? 5_000_000 : 20_000_000 },
      { kind: 'read', amount: quick ? BUFFER / 2 : BUFFER },
      { kind: 'copy', amount: quick ? BUFFER / 2 : BUFFER },
    ]
    for (let round = 0; round < rounds; round++)
      for (const task of tasks)
        for (const count of [1, 2]) {
          const best = found[task.kind]
          best[count - 1] = Math.max(best[count - 1]!, await rate(task, count))
        }
    return found
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()))
  }
}
