import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomTensor } from '../conformance/random-tensor.ts'
import { Seeded } from '../conformance/seeded.ts'
import type { Grid } from '../front/grid.ts'
import { map } from '../front/map.ts'
import { reduceBy, SUM } from '../front/ops/reduce.ts'
import { softmax } from '../front/ops/softmax.ts'
import { reshape } from '../front/reshape.ts'
import { traceProgram } from '../front/trace-program.ts'
import { flip, transpose } from '../front/views.ts'
import type { Program } from '../program.ts'
import { runStep } from '../reference.ts'
import { exp, tanh } from '../scalar/elementary.ts'
import { checkProgram, programOf } from './check.ts'
import { asWritten } from './plan.ts'
import { shareValues } from './share.ts'

const made = (shape: readonly number[], make: (x: Grid<'f'>) => Grid<'f'>): Program =>
  traceProgram({ state: { x: { dtype: 'f32', shape } } }, ({ x }) => ({
    outputs: { y: make(x as Grid<'f'>) },
  }))
/** How many nodes take an exponential; its last coefficient gives it away. */
const exponentials = ({ nodes }: Program): number =>
  nodes.filter((n) => programOf(n).code.some((c) => 'immediate' in c && c.immediate === 0x3ab558b6)).length

test('a softmax takes each exponential once, whatever dimensions its sum runs over', () => {
  for (const shape of [
    [8, 256],
    [3, 2, 128],
    [5, 7],
  ]) {
    const program = made(shape, (x) => softmax(x))
    const shared = shareValues(asWritten(program)).program
    assert.deepEqual([exponentials(program), exponentials(shared)], [2, 1], `${shape}`)
    assert.equal(shared.nodes.length, program.nodes.length + 1)
  }
})

test('values of other elements, of guarded folds and of one map alone stay where they are', () => {
  const total = (x: Grid<'f'>, by: Grid<'f'>) => {
    const sum = reduceBy('sum', SUM, [by], (a) => exp(a), { axes: -1, keep: true })
    return map([x, sum], (a, s) => exp(a).div(s))
  }
  const across = (x: Grid<'f'>): Grid<'f'> => {
    const slices = reduceBy('slice', SUM, [x], (a) => a, { axes: [1, 2], keep: true })
    const sum = reduceBy('sum', SUM, [x, slices], (a, m) => exp(a.sub(m)), { axes: -1, keep: true })
    return map([x, reshape(slices, [1, 8, 1]), sum], (a, m, s) => exp(a.sub(m)).div(s))
  }
  for (const [name, make] of [
    ['mirrored', (x: Grid<'f'>) => total(x, flip(x, [1]))],
    ['causal', (x: Grid<'f'>) => softmax(x, { causal: true })],
    ['two maps', (x: Grid<'f'>) => map([map([x], (a) => exp(a)), x], (e, a) => e.add(exp(a)))],
  ] as const) {
    const program = made([64, 64], make)
    const draft = asWritten(program)
    assert.equal(shareValues(draft), draft, name)
  }
  const draft = asWritten(made([8, 8, 64], across))
  assert.equal(shareValues(draft), draft)
  for (const make of [(x: Grid<'f'>) => total(x, x), (x: Grid<'f'>) => total(x, transpose(x))])
    assert.equal(exponentials(shareValues(asWritten(made([64, 64], make))).program), 1)
})

test('what is shared has the bits of what it was, with reads of several tensors', () => {
  const r = new Seeded(5)
  const both = (a: Grid<'f'>, b: Grid<'f'>): Grid<'f'> => {
    const sum = reduceBy('sum', SUM, [a, b], (p, q) => tanh(p.mul(q)).add(1), { axes: -1, keep: true })
    return map([a, b, sum], (p, q, s) => tanh(p.mul(q)).sub(s).mul(p))
  }
  for (const [rows, columns] of [
    [6, 64],
    [4, 9],
  ] as const) {
    const types = {
      a: { dtype: 'f32', shape: [rows, columns] },
      b: { dtype: 'f32', shape: [columns] },
    } as const
    const program = traceProgram({ state: types }, ({ a, b }) => ({
      outputs: { y: both(a as Grid<'f'>, b as Grid<'f'>), z: softmax(a as Grid<'f'>) },
    }))
    const { program: shared } = shareValues(asWritten(program))
    checkProgram(shared, 'share')
    assert.ok(shared.nodes.length > program.nodes.length)
    const state = program.state.map((t) => randomTensor(r, t))
    const [expected, got] = [runStep(program, state, []), runStep(shared, state, [])]
    expected.outputs.forEach((t, i) => assert.deepEqual(got.outputs[i]!.data, t.data))
  }
})
