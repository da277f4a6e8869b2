import { Fn, I32, KERNEL, ModuleWriter, V128 } from './emitter.ts'
import { engine, type WasmModule } from './engine.ts'

/**
 * Loops that do nothing but what a machine's ceilings are measured by: `fma`, fused multiply-adds on registers alone;
 * `read`, memory added up in order; `copy`, memory copied in order. Whoever has a clock and threads measures with them.
 */
export type CeilingTask = { readonly kind: 'fma' | 'read' | 'copy'; readonly amount: number }

/** Enough to cover the latency of a multiply-add on every port, few enough to stay in registers. */
const ACCUMULATORS = 12
const STREAMS = 8
/** The bytes of one buffer: far beyond any cache. */
export const CEILING_BYTES = 192 * 2 ** 20

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

/** Moves on by one round of the streams, and says whether there is more before the end. */
const advance = (f: Fn): Fn =>
  f
    .get(0)
    .i32(16 * STREAMS)
    .op('i32.add')
    .tee(0)
    .get(1)
    .op('i32.lt_u')

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
    advance(f).brIf(again)
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
    advance(f).brIf(again)
  })
  return f
}

const PAGE = 65536
const PAGES = 1 + (2 * CEILING_BYTES) / PAGE
const LIMITS = { initial: PAGES, maximum: PAGES, shared: false }

/** Operations (a multiply-add is two) or bytes (a copied one is read and written) of a task. */
export const ceilingWork = ({ kind, amount }: CeilingTask): number =>
  kind === 'fma' ? amount * ACCUMULATORS * 4 * 2 : kind === 'copy' ? 2 * amount : amount

/**
 * The loops on two buffers of their own, ready to run. `amount` is rounds for fma, and bytes for the others: a multiple
 * of 128, at most CEILING_BYTES. Needs an engine with relaxed SIMD.
 */
export const ceilingLoops = (): ((task: CeilingTask) => void) => {
  const writer = new ModuleWriter()
  const [byFma, byRead, byCopy] = [fma(), read(), copy()].map((fn) => String(writer.add(fn)))
  const memory = new engine.Memory(LIMITS)
  // Pages that were never written all show one page of zeros, which stays in the cache.
  new Uint8Array(memory.buffer).fill(1)
  const module: WasmModule = new engine.Module(writer.encode(LIMITS))
  const { exports } = new engine.Instance(module, { e: { m: memory } })
  return ({ kind, amount }) => {
    if (kind === 'fma') exports[byFma!]!(0, amount, 0, 0)
    else exports[kind === 'read' ? byRead! : byCopy!]!(PAGE, PAGE + amount, PAGE + CEILING_BYTES, 0)
  }
}
