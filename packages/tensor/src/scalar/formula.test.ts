import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { derivative, type ElementaryFunction, Formula, traceFormula } from './formula.ts'
import { f32Bits, f32Value } from './pattern.ts'
import { compileScalar } from './reference.ts'
import type { ScalarProgram } from './scalar-program.ts'
import { call, F, f32, index, select, traceScalar } from './trace.ts'

const at = (program: ScalarProgram, ...args: number[]): number =>
  f32Value(compileScalar(program)(args.map(f32Bits), [3, 5]))

const checkDerivatives = (
  formula: Formula,
  points: readonly (readonly number[])[],
  slopes: (...p: number[]) => number[],
) => {
  for (const point of points)
    for (const [i, expected] of slopes(...point).entries()) {
      const got = at(formula.derivative(i).lower(), ...point)
      assert.ok(
        Math.abs(got - expected) <= 1e-5 * (1 + Math.abs(expected)),
        `d${i} at ${point}: ${got}, not ${expected}`,
      )
    }
}

const square: ElementaryFunction = {
  name: 'square',
  expand: (x) => x.mul(x),
  derivative: (g, [x]) => [[g, x!.add(x!)]],
}

describe('derivatives', () => {
  const points = [
    [1.5, -2.25],
    [-0.75, 3],
    [4, 0.5],
  ]
  it('of sums, differences, products and quotients', () => {
    checkDerivatives(
      traceFormula(['f', 'f'], (a, b) => a.add(b)),
      points,
      () => [1, 1],
    )
    checkDerivatives(
      traceFormula(['f', 'f'], (a, b) => a.sub(b)),
      points,
      () => [1, -1],
    )
    checkDerivatives(
      traceFormula(['f', 'f'], (a, b) => a.mul(b)),
      points,
      (a, b) => [b!, a!],
    )
    checkDerivatives(
      traceFormula(['f', 'f'], (a, b) => a.div(b)),
      points,
      (a, b) => [1 / b!, -a! / b! ** 2],
    )
  })
  it('of fma, square root, negation and absolute value', () => {
    const formula = traceFormula(['f', 'f'], (a, b) => a.fma(b, a.abs().sqrt()).neg())
    checkDerivatives(formula, points, (a, b) => [-b! - Math.sign(a!) / (2 * Math.sqrt(Math.abs(a!))), -a!])
  })
  it('of a value used more than once', () => {
    checkDerivatives(
      traceFormula(['f', 'f'], (a, b) => a.mul(a).mul(a).add(a.mul(b))),
      points,
      (a, b) => [3 * a! ** 2 + b!, a!],
    )
  })
  it('follow the branch that a selection takes', () => {
    checkDerivatives(
      traceFormula(['f', 'f'], (a, b) => select(a.lt(b), a.mul(2), b.mul(3))),
      points,
      (a, b) => (a! < b! ? [2, 0] : [0, 3]),
    )
    checkDerivatives(
      traceFormula(['f'], (a) => a.max(0)),
      [[-1], [0], [2]],
      (a) => [a! > 0 ? 1 : 0],
    )
  })
  it('of the absolute value is 0 at 0', () => {
    checkDerivatives(
      traceFormula(['f'], (a) => a.abs()),
      [[0], [-0], [-2]],
      (a) => [Math.sign(a!)],
    )
  })
  it('are the identity through narrowings, zero through integers, comparisons and bits', () => {
    checkDerivatives(
      traceFormula(['f'], (a) => a.bf16().add(a.f16())),
      [[1.1]],
      () => [2],
    )
    checkDerivatives(
      traceFormula(['f'], (a) => a.lt(2).toF32().add(a.bits().float()).add(a.toI32().i32ToF32())),
      [[1.1]],
      () => [0],
    )
  })
  it('of a result that does not vary are the constant 0, and their pullback is absent', () => {
    const formula = traceFormula(['f', 'f'], (a) => a.mul(f32(2)))
    assert.deepEqual(formula.derivative(1).code, [{ op: 'const_f', immediate: 0 }])
    assert.equal(formula.pullback(1), undefined)
    assert.equal(traceFormula(['u'], (a) => a.toF32()).pullback(0), undefined)
    assert.equal(traceFormula(['f'], (a) => a.lt(1)).pullback(0), undefined)
  })
  it('of constant slopes are constants, folded', () => {
    const slope = traceFormula(['f'], (a) => a.mul(3).mul(2).neg().sub(1).add(a)).derivative(0)
    assert.deepEqual(slope.code, [{ op: 'const_f', immediate: f32Bits(-5) }])
  })
  it('keep coordinates of the iteration space', () => {
    const formula = traceFormula(['f'], (a) => a.mul(index(1).toF32()))
    assert.equal(at(formula.derivative(0).lower(), 7), 5)
  })
  it('of a scalar program that calls nothing need no formula', () => {
    const slope = derivative(
      traceScalar(['f'], (a) => a.mul(a)),
      0,
    )
    assert.equal(at(slope, 3), 6)
  })
})

describe('an elementary function in a formula', () => {
  const formula = traceFormula(['f', 'f'], (a, b) => call(square, a).mul(b))
  it('is one step, and lowers to what tracing its expansion gives', () => {
    assert.equal(formula.code.length, 2)
    const traced = traceScalar(['f', 'f'], (a, b) => call(square, a).mul(b))
    assert.deepEqual(formula.lower(), traced)
    assert.ok(traced.code.every((step) => 'op' in step && (step.op as string) !== 'call'))
  })
  it('is differentiated by its own rule', () => {
    checkDerivatives(formula, [[3, 5]], (a, b) => [2 * a! * b!, a! ** 2])
  })
  it('can be differentiated again', () => {
    assert.equal(at(formula.derivative(0).derivative(0).lower(), 3, 5), 10)
    assert.equal(at(formula.derivative(0).derivative(1).lower(), 3, 5), 6)
  })
  it('whose rule gives nothing stops the gradient', () => {
    const stop: ElementaryFunction = { name: 'stop', expand: (x) => x, derivative: () => [undefined] }
    checkDerivatives(
      traceFormula(['f'], (a) => call(stop, a).mul(a)),
      [[3]],
      () => [3],
    )
  })
})

describe('a pullback', () => {
  const formula = traceFormula(['f', 'f'], (a, b) => a.mul(b).add(a))
  it('takes the cotangent of the result as its last argument', () => {
    const program = formula.pullback(0)!.lower()
    assert.deepEqual(program.args, ['f', 'f', 'f'])
    assert.equal(at(program, 2, 3, 10), 40)
  })
  it('selects the cotangent, not a product with it: an infinite cotangent leaves the other branch at 0', () => {
    const relu = traceFormula(['f'], (a) => a.max(0))
    assert.equal(at(relu.pullback(0)!.lower(), -1, Number.POSITIVE_INFINITY), 0)
  })
})

describe('formulas and programs', () => {
  it('inline into a function being traced', () => {
    const inner = traceFormula(['f'], (a) => call(square, a))
    const outer = traceFormula(['f'], (a) => {
      const y = inner.on(a)
      assert.ok(y instanceof F)
      return y.add(1)
    })
    assert.equal(at(outer.lower(), 3), 10)
    assert.equal(at(outer.derivative(0).lower(), 3), 6)
  })
  it('lower to the same program when they already are one', () => {
    const program = traceScalar(['f', 'u'], (a, b) => select(b, a, 1))
    assert.deepEqual(new Formula(program).lower(), program)
  })
})
