import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agrees, numbersOf, tensor } from '../../../test/agreement.ts'
import { runStep } from '../../reference.ts'
import { validateProgram } from '../../validate.ts'
import type { Grid } from '../grid.ts'
import { traceProgram } from '../trace-program.ts'
import { addWords } from './arithmetic.ts'
import { dropout, type Randomness, randomNormal, randomUniform, randomWords } from './random.ts'

const word = { dtype: 'u32', shape: [1] } as const
const run = (fn: (from: Randomness) => Grid, seed = 1, step = 0): number[] => {
  const program = traceProgram({ state: { seed: word, step: word } }, ({ seed, step }) => ({
    state: { step: addWords(step, 1) },
    outputs: { x: fn({ seed, step, salt: 7 }) },
  }))
  assert.ok(validateProgram(program).ok)
  return numbersOf(runStep(program, [tensor(word, [seed]), tensor(word, [step])], []).outputs[0]!)
}

test('the same seed, step and salt give the same words; any other gives others', () => {
  const words = (seed: number, step: number, salt: number) =>
    run((from) => randomWords([4], { ...from, salt }), seed, step).join()
  const all = [words(1, 0, 7), words(2, 0, 7), words(1, 1, 7), words(1, 0, 8)]
  assert.equal(new Set(all).size, 4)
  assert.equal(words(1, 0, 7), all[0])
})

test('uniform and normal numbers have the moments they should', () => {
  const moments = (x: number[]) => {
    const mean = x.reduce((a, b) => a + b, 0) / x.length
    return [mean, x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length] as const
  }
  const [m, v] = moments(run((from) => randomUniform([20, 100], from)))
  assert.ok(Math.abs(m - 0.5) < 0.03 && Math.abs(v - 1 / 12) < 0.01, `${m} ${v}`)
  const [n, w] = moments(run((from) => randomNormal([2000], from)))
  assert.ok(Math.abs(n) < 0.08 && Math.abs(w - 1) < 0.1, `${n} ${w}`)
})

test('dropout keeps the mean and drops the gradient with the value', () => {
  const words = { k: { shape: [1], values: [3] } }
  agrees({
    numbers: { x: [4, 5] },
    words,
    fn: ({ x }, { k }) => dropout(x!, 0.4, { seed: k!, step: k!, salt: 1 }),
  })
})
