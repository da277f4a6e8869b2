import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Arithmetic,
  createWebGpuExecutor,
  everywhere,
  type Floating,
  INTEGERS,
  type WebGpuExecutor,
} from '../../src/webgpu/index.ts'
import {
  CANCELS,
  CONTRACTS,
  DIVIDES_BY_RECIPROCAL,
  FLUSHES,
  LOOSE,
  MULTIPLIES_BY_RECIPROCALS,
  REASSOCIATES,
  ROOTS_BY_RECIPROCAL,
  ROUNDS_TWICE,
} from './devices.ts'
import { type Software, softwareGpu } from './software-gpu.ts'
import { IEEE } from './translate.ts'

const open = (software: Software, arithmetic?: Arithmetic): Promise<WebGpuExecutor> =>
  createWebGpuExecutor({ gpu: softwareGpu(software), ...(arithmetic ? { arithmetic } : {}) })
const CASE = 'of 0x[0-9a-f]{8}.* gives 0x[0-9a-f]{8}, not 0x[0-9a-f]{8}'

test('an exact device is native in every operation, with nothing refused', async () => {
  const { proof } = await open({})
  assert.deepEqual(proof.arithmetic, everywhere('native'))
  assert.deepEqual(proof.refused, [])
})

/** Which way a device that is wrong alone in some operations gets for each of them. */
const ALONE: readonly (readonly [string, Software, Partial<Arithmetic>])[] = [
  [
    'flushes subnormals',
    { float: FLUSHES },
    { fadd: 'guarded', fmul: 'guarded', fdiv: 'guarded', fsqrt: 'guarded', fma: 'fused' },
  ],
  ['rounds a multiply-add twice', { float: ROUNDS_TWICE }, { fma: 'guarded' }],
  [
    'does whatever WebGPU allows',
    { float: LOOSE },
    { fadd: 'guarded', fmul: 'guarded', fdiv: 'guarded', fsqrt: 'guarded', fma: 'guarded' },
  ],
  ['divides by multiplying with a reciprocal', { float: DIVIDES_BY_RECIPROCAL }, { fdiv: 'integer' }],
  ['takes roots by a reciprocal root', { float: ROOTS_BY_RECIPROCAL }, { fsqrt: 'integer' }],
  // Only one quotient in 64 is one place off.
  [
    'divides wrongly now and then',
    {
      float: {
        div: (a, b) =>
          IEEE.mul(a, 1) === a && (hash(a, b) & 63) === 0 ? next(IEEE.div(a, b)) : IEEE.div(a, b),
      },
    },
    { fdiv: 'integer' },
  ],
  // What WebGPU lets a compiler do: infinities are the largest number.
  [
    'saturates',
    { float: { mul: (a, b) => Math.max(-LARGEST, Math.min(LARGEST, IEEE.mul(a, b))) } },
    { fmul: 'guarded' },
  ],
]
const LARGEST = (2 - 2 ** -23) * 2 ** 127
const hash = (a: number, b: number): number => {
  const [x, y] = new Int32Array(Float32Array.of(a, b).buffer) as unknown as [number, number]
  return Math.imul(x ^ (y >>> 3), 0x9e3779b1) >>> 16
}
const next = (x: number): number =>
  new Float32Array(Uint32Array.of(new Uint32Array(Float32Array.of(x).buffer)[0]! ^ 1).buffer)[0]!

for (const [name, software, expected] of ALONE)
  test(`a device that ${name} is refused those operations by the failing case`, async () => {
    const { proof } = await open(software)
    for (const [op, way] of Object.entries(proof.arithmetic) as [Floating, string][]) {
      assert.equal(way, expected[op] ?? 'native', op)
      if (way === 'native') continue
      const first = proof.refused.find((r) => r.op === op)
      assert.equal(first?.way, 'native')
      assert.match(first!.why, new RegExp(CASE))
      await assert.rejects(
        open(software, { ...INTEGERS, [op]: 'native' }),
        new RegExp(`${op} by native arithmetic is ${CASE}`),
      )
    }
  })

/** Compilers that are right in every operation alone. */
for (const [name, compile, why] of [
  ['contracts a product and a sum', CONTRACTS, 'contraction of a product and a sum'],
  ['reorders sums', REASSOCIATES, 'reassociation of sums'],
  ['cancels factors', CANCELS, 'reassociation of products'],
  [
    'divides by a constant by multiplying',
    MULTIPLIES_BY_RECIPROCALS,
    'operations with the constant 0x40400000',
  ],
] as const)
  test(`a compiler that ${name} makes every operation integers`, async () => {
    const { proof } = await open({ compile })
    assert.deepEqual(proof.arithmetic, INTEGERS)
    assert.equal(proof.refused.length, 5)
    for (const refused of proof.refused)
      assert.match(refused.why, new RegExp(`right alone, but ${why}: ${CASE}`))
    await assert.rejects(
      open({ compile }, everywhere('native')),
      new RegExp(`operations together is ${why}: ${CASE}`),
    )
  })

test('a device that is wrong in integers is refused', async () => {
  const compile = (code: string): string => code.replaceAll('a1 * b1', '(a1 & 0x7fffu) * b1')
  await assert.rejects(open({ compile }), new RegExp(`the processor software, .* is ${CASE}`))
})

/**
 * The guarded multiply-add on a device that flushes subnormals and rounds a multiply-add twice, with one part of it
 * changed: what must be refused. What is changed must be there.
 */
const GUARDED: readonly (readonly [what: string, from: string, to: string])[] = [
  ['no integers', 'return soft_fma(a, b, c);', 'return pattern(fma(value(a), value(b), value(c)));'],
  ['integers with operands in another order', 'return soft_fma(a, b, c);', 'return soft_fma(a, c, b);'],
  [
    'integers that lose what is shifted out',
    'fn jam_wide(v: vec2<u32>, s: u32) -> vec2<u32> {',
    'fn jam_wide(v: vec2<u32>, s: u32) -> vec2<u32> {\n  if (s > 31u) { return vec2<u32>(v.y >> (s & 31u), 0u); }',
  ],
  ['integers that round up', 'rest > 0x80u || (rest', 'rest > 0x7fu || (rest'],
  ['integers that round half up', '&& (kept & 1u) == 1u', ''],
  ['integers without subnormals', 'if (e < 1) {', 'if (e < 1) {\n    return sign;'],
  ['integers without infinity', 'if (e >= 255) {', 'if (e >= 256) {'],
  [
    'integers that keep a cancelled sign',
    'if ((m.x | m.y) == 0u) { return 0u; }',
    'if ((m.x | m.y) == 0u) { return s; }',
  ],
  ['integers that take no borrow', 'u.y - v.y - u32(u.x < v.x)', 'u.y - v.y'],
  ['integers that take no carry', 'm.y + n.y + u32(low < m.x)', 'm.y + n.y'],
  ['integers that lose the low word', 'high | u32((m.x << k) != 0u)', 'high'],
  ['large products', 'e - 197u < 150u', 'e - 197u < 400u'],
  ['small factors and addends', '- 70u < 150u', '- 1u < 219u'],
  ['any addend', '&& (within(c) || (c << 1u) == 0u)', ''],
  [
    'a result that is not plain',
    'let r = pattern(v + s);\n    if (plain(r)) { return r; }',
    'return pattern(v + s);',
  ],
  ['no odd rounding', 'if (lost != 0.0', 'if (lost != lost'],
  ['odd rounding the wrong way', '(lost > 0.0) == (s > 0.0)', '(lost > 0.0) != (s > 0.0)'],
  ['odd rounding of odd numbers', '(bits & 1u) == 0u', '(bits & 1u) == 1u'],
  ['no error of the product', 'var s = hidden(w + q);', 'var s = w;'],
  ['no error of the sum', 'var s = hidden(w + q);', 'var s = q;'],
  ['too long a half', '0xfffff000u); let yh', '0xffffff00u); let yh'],
  [
    'a sum’s error where the first is larger',
    'return hidden(hidden(a - hidden(s - v)) + hidden(b - v));',
    'return hidden(b - v);',
  ],
]
/** The same of a device's own multiply-add behind a guard, where subnormals are zero. */
const FUSED: typeof GUARDED = [
  ['any factor', 'plain(a) && plain(b) && (plain(c)', '(plain(c)'],
  ['any addend', '(plain(c) || (c << 1u) == 0u)', '(c == c)'],
  ['any result', 'if (inner(r)) { return r; }', 'return r;'],
]

for (const [way, float, changes] of [
  ['guarded', LOOSE, GUARDED],
  ['fused', FLUSHES, FUSED],
] as const)
  test(`a ${way} multiply-add with any part of it wrong is refused`, async (t) => {
    const arithmetic: Arithmetic = { ...INTEGERS, fma: way }
    await open({ float }, arithmetic)
    const missed: string[] = []
    for (const [what, from, to] of changes) {
      let changed = 0
      const compile = (code: string): string => {
        if (!code.includes(`fn ${way}_fma`) || !code.includes(from)) return code
        changed++
        return code.replace(from, to)
      }
      const message = await open({ float, compile }, arithmetic).then(
        () => undefined,
        (error: Error) => error.message,
      )
      assert.ok(changed > 0, what)
      if (message === undefined) missed.push(what)
      else assert.match(message, new RegExp(CASE.replaceAll('0x[0-9a-f]{8}', '0x[0-9a-f]+')), what)
    }
    t.diagnostic(`${changes.length} changes`)
    assert.deepEqual(missed, [])
  })
