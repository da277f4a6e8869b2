import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyInstruction, type ScalarCase, scalarCases } from '@lockstep/tensor'
import {
  arithmeticText,
  FLOATING,
  type Floating,
  floatingName,
  type Way,
} from '../../src/webgpu/arithmetic.ts'
import { hardSums } from '../../src/webgpu/hard-sums.ts'
import { FLUSHES, LOOSE } from './devices.ts'
import { type FloatOperations, IEEE, translateWgsl } from './translate.ts'

const rounds = process.env.LOCKSTEP_NIGHTLY === '1' ? 300 : 1
const CASES = 20_000

const functionOf = (op: Floating, way: Way, float: FloatOperations, change = (t: string) => t) => {
  const { name, call } = floatingName(op, way)
  return translateWgsl(change(arithmeticText([name])), float).functions[call]!
}
const casesOf = (op: Floating, seed: number): ScalarCase[] => [
  ...scalarCases(op, seed, CASES),
  ...(op === 'fma' ? hardSums(seed, CASES) : []),
]

/** How the arithmetic is computed, and on which devices it must have the reference's bits. */
const WAYS = [
  ['guarded', 'an exact device', IEEE],
  ['guarded', 'a device that flushes subnormals', FLUSHES],
  ['guarded', 'a device that is wrong wherever WebGPU lets it', LOOSE],
  ['fused', 'a device that flushes subnormals', FLUSHES],
  ['integer', 'any device', LOOSE],
] as const

for (const [way, device, float] of WAYS)
  test(`the ${way} arithmetic has the reference’s bits on ${device}`, () => {
    const functions = FLOATING.map((op) => functionOf(op, way, float))
    for (let seed = 1; seed <= rounds; seed++)
      FLOATING.forEach((op, f) => {
        const run = functions[f]!
        for (const { a, b, c } of casesOf(op, seed)) {
          const got = run(a, b, c)
          const expected = applyInstruction(op, a, b, c)
          if (got !== expected)
            assert.fail(
              `${op} of ${[a, b, c].map((x) => x.toString(16))} gives ${got.toString(16)}, not ${expected.toString(16)}`,
            )
        }
      })
  })

test('where numbers are of ordinary size the guarded arithmetic does without integers', () => {
  for (const op of FLOATING) {
    const run = functionOf(op, 'guarded', LOOSE, (text) =>
      text.replace(new RegExp(`return soft_${op}\\(.*\\);`), 'return 0x7fc00000u;'),
    )
    let own = 0
    const cases = scalarCases('fma', 3, CASES)
      .map(({ a, b, c }) => [a, b, c].map((x) => ((x & 0x807fffff) | ((100 + ((x >>> 9) % 54)) << 23)) >>> 0))
      .filter(([a]) => op !== 'fsqrt' || a! < 0x80000000)
    for (const [a, b, c] of cases as [number, number, number][]) {
      const got = run(a, b, c)
      if (got === 0x7fc00000) continue
      own++
      assert.equal(got, applyInstruction(op, a, b, c))
    }
    assert.ok(own > 0.95 * cases.length, `${op}: ${own} of ${cases.length}`)
  }
})
