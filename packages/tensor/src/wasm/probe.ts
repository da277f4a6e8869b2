import { scalarCases } from '../scalar/cases.ts'
import { applyInstruction } from '../scalar/reference.ts'
import type { Microkernel } from './contraction/microkernel.ts'
import { Fn, I32, KERNEL, ModuleWriter, V128 } from './emitter.ts'
import { engine } from './engine.ts'
import { emitFma, exactFma, type Fma } from './fma.ts'

/**
 * What this thread's arithmetic is, found by running it: another library may have changed the rounding mode or made
 * subnormals zero, and relaxed SIMD may round a multiply-add twice. Run once in every thread.
 */
export type Probe = {
  /** Additions, products, quotients and roots are IEEE 754, subnormals included. */
  readonly sound: boolean
  /** The engine's relaxed multiply-add rounds once. */
  readonly fused: boolean
}

const OPERATIONS = {
  fadd: 'f32x4.add',
  fsub: 'f32x4.sub',
  fmul: 'f32x4.mul',
  fdiv: 'f32x4.div',
  fsqrt: 'f32x4.sqrt',
  fma: 'f32x4.relaxed_madd',
} as const
type Operation = keyof typeof OPERATIONS
const CASES = 512

/** A module whose only function applies an instruction to [begin, end) records of (a, b, c, result). */
const probeModule = (operation: Operation): Uint8Array<ArrayBuffer> => {
  const f = new Fn(KERNEL)
  const at = f.get(0).keep(I32)
  const takes = operation === 'fsqrt' ? 1 : operation === 'fma' ? 3 : 2
  f.loop((again) => {
    for (let i = 0; i < takes; i++) f.get(at).memory('v128.load32_splat', 4 * i)
    const result = f.v(OPERATIONS[operation]).keep(V128)
    f.get(at).get(result).laneMemory('v128.store32_lane', 0, 12)
    f.get(at).i32(16).op('i32.add').tee(at).get(1).op('i32.lt_u').brIf(again)
  })
  const writer = new ModuleWriter()
  writer.add(f)
  return writer.encode({ initial: 1, maximum: 1, shared: false })
}

const agrees = (operation: Operation): boolean => {
  const bytes = probeModule(operation)
  if (!engine.validate(bytes)) return false
  const memory = new engine.Memory({ initial: 1, maximum: 1, shared: false })
  const words = new Uint32Array(memory.buffer)
  const cases = scalarCases(operation, 1, CASES)
  cases.forEach(({ a, b, c }, i) => {
    words.set([a, b, c], 4 * i)
  })
  const { exports } = new engine.Instance(new engine.Module(bytes), { e: { m: memory } })
  exports[0]!(0, 16 * cases.length, 0, 0)
  return cases.every(({ a, b, c }, i) => {
    const got = words[4 * i + 3]!
    const expected = applyInstruction(operation, a, b, c)
    return got === expected || (expected === 0x7fc00000 && (got & 0x7fffffff) > 0x7f800000)
  })
}

export const probe = (): Probe => ({
  sound: (['fadd', 'fsub', 'fmul', 'fdiv', 'fsqrt'] as const).every(agrees),
  fused: agrees('fma'),
})

/**
 * The canary: a few operations whose results change with the rounding mode, with flushed subnormals, or with a
 * multiply-add that rounds twice. Every thread runs it at every step.
 */
export const CANARY_WORDS: readonly number[] = (() => {
  const a = [0x3f800800, 0x3f800001, 0x00800001, 0xbf800001]
  const b = [0x3f801000, 0x3f800001, 0x3f000000, 0x3f800001]
  const c = [0x21800000, 0xbf800002, 0x00000001, 0x3f800002]
  const each = (f: (i: number) => number): number[] => [0, 1, 2, 3].map(f)
  return [
    ...a,
    ...b,
    ...c,
    ...each((i) => applyInstruction('fma', a[i]!, b[i]!, c[i]!)),
    ...each((i) => applyInstruction('fmul', a[i]!, b[i]!)),
    ...each((i) => applyInstruction('fadd', a[i]!, c[i]!)),
  ]
})()

/** A function that gives 1 where the canary's results, computed from its words at `at`, are the expected ones. */
export const canary = (fma: Fma, at: number): Fn => {
  const f = new Fn([], [I32])
  const load = (i: number): Fn => f.i32(at).memory('v128.load', 16 * i)
  load(0)
  load(1)
  emitFma(load(2), fma)
  load(3).v('i32x4.eq')
  load(0)
  load(1).v('f32x4.mul')
  load(4).v('i32x4.eq').v('v128.and')
  load(0)
  load(2).v('f32x4.add')
  load(5).v('i32x4.eq').v('v128.and')
  f.v('i32x4.all_true')
  return f
}

/** Adds to a module what `fma` needs. */
export const fmaOf = (
  module: ModuleWriter,
  fused: boolean,
  threads: number,
  imported?: Microkernel,
): Fma => ({
  ...(fused ? { kind: 'fused' } : { kind: 'exact', fn: module.add(exactFma()) }),
  ...{ module, threads, imported },
})
