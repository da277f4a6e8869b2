import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runScalarConformance, type ScalarExecutor } from './conformance.ts'
import { f32Bits, f32Value } from './pattern.ts'
import { applyInstruction, compileScalar, MEANINGS } from './reference.ts'
import type { ScalarProgram } from './scalar-program.ts'

const executor = (
  name: string,
  runOne: (program: ScalarProgram, args: Uint32Array) => number,
): ScalarExecutor => ({
  name,
  run: (program, batch, count) =>
    Uint32Array.from({ length: count }, (_, i) =>
      runOne(program, batch.subarray(i * program.args.length, (i + 1) * program.args.length)),
    ),
})

/** A second, plainer interpreter with one instruction replaced. */
const withFault = (fault: Partial<typeof MEANINGS>) =>
  executor('faulty', (program, args) => {
    const values = [...args]
    for (const step of program.code) {
      if (step.op === 'index') throw new Error('no coordinates here')
      const operands = 'args' in step ? step.args.map((a) => values[a]!) : [step.immediate]
      const [a = 0, b = 0, c = 0] = operands
      values.push((fault[step.op] ?? MEANINGS[step.op])(a, b, c))
    }
    return values[program.result]!
  })

const size = { seed: 1, cases: 300 }

describe('scalar conformance', () => {
  it('passes the reference itself, and an interpreter of its own', async () => {
    const reference = executor('reference', (program, args) => compileScalar(program)(args, []))
    const result = await runScalarConformance(reference, size)
    assert.equal(result.mismatched, 0)
    assert.ok(result.cases > 15_000)
    assert.equal((await runScalarConformance(withFault({}), size)).mismatched, 0)
  })

  const faults: [string, Partial<typeof MEANINGS>][] = [
    [
      'fma in two roundings',
      { fma: (a, b, c) => applyInstruction('fadd', applyInstruction('fmul', a, b), c) },
    ],
    [
      'fma through binary64, which rounds twice',
      { fma: (a, b, c) => f32Bits(f32Value(a) * f32Value(b) + f32Value(c)) },
    ],
    [
      'subnormals flushed to zero',
      {
        fmul: (a, b) => {
          const y = applyInstruction('fmul', a, b)
          return y & 0x7f800000 ? y : y & 0x80000000
        },
      },
    ],
    ['a NaN payload that shows', { bits: (a) => a, fneg: (a) => (a ^ 0x80000000) >>> 0 }],
    ['shift counts that are not masked', { shl: (a, b) => (b > 31 ? 0 : (a << b) >>> 0) }],
    ['conversion that wraps', { f2i: (a) => f32Value(a) >>> 0 }],
    ['narrowing that truncates', { bf16: (a) => (a & 0xffff0000) >>> 0 }],
  ]
  for (const [name, fault] of faults)
    it(`catches ${name}`, async () => {
      const { mismatched, mismatches } = await runScalarConformance(withFault(fault), size)
      assert.ok(mismatched > 0)
      assert.ok(mismatches.length > 0 && mismatches.length <= 8)
    })
})
