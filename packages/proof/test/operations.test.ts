import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  alibiSlopes,
  attention,
  type Grid,
  gradients,
  mul,
  type Program,
  rotary,
  rotaryFrequencies,
  rotation,
  sum,
  swiglu,
  type TensorType,
  traceProgram,
} from '@lockstep/tensor'
import { LAST_STEP_GAS, validateTask, worstLastStep } from '../src/last-step.ts'

// Operations at the sizes of real models: a dispute about any element of any of their nodes must be able to end.

type Grids = { readonly [name: string]: Grid<'f'> }
type Words = { readonly [name: string]: Grid<'u'> }
type Shapes = { readonly [name: string]: readonly number[] }
const typesOf = (shapes: Shapes, dtype: 'f32' | 'u32'): { [name: string]: TensorType } =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { dtype, shape }]))

/** An operation and its gradients by all its numbers. */
const trained = (numbers: Shapes, words: Shapes, fn: (x: Grids, w: Words) => Grid<'f'>): Program =>
  traceProgram({ state: typesOf(numbers, 'f32'), inputs: typesOf(words, 'u32') }, (x, w) => {
    const y = fn(x as Grids, w as unknown as Words)
    return { outputs: { y, ...gradients(sum(mul(y, y)), x as Grids) } }
  })

const canEnd = (name: string, program: Program): void => {
  const result = validateTask(program)
  const worst = worstLastStep(program)
  console.log(`${name}: ${worst.gas} of ${LAST_STEP_GAS} gas, ${program.nodes.length} nodes`)
  assert.ok(result.ok, `${name}: ${JSON.stringify(result)}`)
}

test('attention, trained and with a cache', () => {
  const numbers = { q: [8, 512, 16, 64], k: [8, 512, 4, 64], v: [8, 512, 4, 64] }
  const words = { n: [8], m: [8], p: [8, 512] }
  canEnd(
    'attention with every mask',
    trained(
      numbers,
      words,
      ({ q, k, v }, { n, m }) =>
        attention({
          query: q!,
          key: k!,
          value: v!,
          causal: true,
          window: 128,
          lengths: n!,
          starts: m!,
          slopes: alibiSlopes(16),
        }).mixed,
    ),
  )
  canEnd(
    'rotary and swiglu',
    trained(numbers, words, ({ q }, { p }) => {
      const turned = rotary(q!, rotation(p!, rotaryFrequencies(64)))
      return swiglu(turned, q!)
    }),
  )
  const f = (...shape: number[]) => ({ dtype: 'f32', shape }) as const
  canEnd(
    'decoding',
    traceProgram(
      {
        state: {
          keys: f(16, 4, 2048, 64),
          values: f(16, 4, 2048, 64),
          length: { dtype: 'u32', shape: [16] },
        },
        inputs: { q: f(16, 4, 16, 64), k: f(16, 4, 4, 64), v: f(16, 4, 4, 64) },
      },
      ({ keys, values, length }, { q, k, v }) => {
        const { mixed, cache } = attention({
          query: q,
          key: k,
          value: v,
          causal: true,
          window: 512,
          slopes: alibiSlopes(16),
          cache: { keys, values, length },
        })
        return { state: { keys: cache.keys, values: cache.values }, outputs: { mixed } }
      },
    ),
  )
})
