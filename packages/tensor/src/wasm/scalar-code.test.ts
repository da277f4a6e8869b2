import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomTensor } from '../conformance/random-tensor.ts'
import { Seeded } from '../conformance/seeded.ts'
import type { Grid } from '../front/grid.ts'
import { map } from '../front/map.ts'
import { sum } from '../front/ops/reduce.ts'
import { softmax } from '../front/ops/softmax.ts'
import { traceProgram } from '../front/trace-program.ts'
import { runStep } from '../reference.ts'
import { erf, exp, log, pow, sin, tanh } from '../scalar/elementary.ts'
import { type F, index, select } from '../scalar/trace.ts'
import { createWasmExecutor } from './executor.ts'

type Make = (x: Grid<'f'>) => Grid<'f'>
const CASES: Readonly<Record<string, Make>> = {
  exp: (x) => map([x], (a) => exp(a)),
  erf: (x) => map([x], (a) => erf(a)),
  tanh: (x) => map([x], (a) => tanh(a)),
  sin: (x) => map([x], (a) => sin(a)),
  log: (x) => map([x], (a) => log(a)),
  'a power, of which one side is dear': (x) =>
    map([x], (a) => select(a.gt(0), pow(a, 1.5), log(a.abs()).mul(a))),
  'a dear side for some lanes': (x) => map([x], (a) => select(index(1).lt(7), exp(a), a)),
  limits: (x) => map([x], (a) => a.max(-1).min(1).add(clamped(a))),
  'a sum of exponentials': (x) =>
    sum(
      map([x], (a) => exp(a)),
      { axes: 0 },
    ),
  softmax: (x) => softmax(x),
}
const clamped = (a: F): F => select(a.lt(2), a, select(a.gt(-2), a.neg(), a.mul(3)))

test('long programs side by side give the reference bits, infinities and NaNs included, whatever the width', async () => {
  const r = new Seeded(11)
  for (const relaxed of ['auto', 'off'] as const) {
    const executor = await createWasmExecutor({ relaxed })
    for (const width of [3, 8, 20, 64, 72])
      for (const [name, make] of Object.entries(CASES)) {
        const program = traceProgram({ state: { x: { dtype: 'f32', shape: [3, width] } } }, ({ x }) => ({
          outputs: { y: make(x as Grid<'f'>) },
        }))
        const state = program.state.map((t) => randomTensor(r, t))
        const runner = await executor.compile(program, [])
        runner.load(state)
        await runner.step()
        const expected = runStep(program, state, []).outputs[0]!
        assert.equal(
          Buffer.compare(runner.outputs()[0]!.data, expected.data),
          0,
          `${name}, ${width}, ${relaxed}`,
        )
        runner.close()
      }
    await executor.close()
  }
})
