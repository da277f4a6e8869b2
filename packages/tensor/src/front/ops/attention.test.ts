import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { agrees, numbersFrom, numbersOf, tensor } from '../../../test/agreement.ts'
import { executors, sameEverywhere } from '../../../test/everywhere.ts'
import { encodeProgram } from '../../encoding/program.ts'
import { runStep } from '../../reference.ts'
import { f32 } from '../../scalar/trace.ts'
import { lessThan } from '../fold.ts'
import type { Grid } from '../grid.ts'
import type { Index } from '../index-form.ts'
import { map } from '../map.ts'
import { traceProgram } from '../trace-program.ts'
import { type AttentionOptions, alibiSlopes, attention } from './attention.ts'
import { contract } from './contract.ts'
import { softmax } from './softmax.ts'

const list = await executors()
after(() => Promise.all(list.map((e) => e.close())))

const mixes =
  (options: (w: { readonly [name: string]: Grid<'u'> }) => Partial<AttentionOptions> = () => ({})) =>
  ({ q, k, v }: { readonly [name: string]: Grid<'f'> }, w: { readonly [name: string]: Grid<'u'> }) =>
    attention({ query: q!, key: k!, value: v!, ...options(w) }).mixed

const one = { q: [1, 3, 2, 2], k: [1, 3, 2, 2], v: [1, 3, 2, 1] }
const grouped = { q: [2, 2, 4, 1], k: [2, 4, 2, 1], v: [2, 4, 2, 2] }
const words = { n: { shape: [2], values: [4, 2] }, m: { shape: [2], values: [0, 1] } }

test('attention and its gradients, with every mask, with one head a key head and with several', async () => {
  const programs = [
    agrees({ numbers: one, fn: mixes() }),
    agrees({ numbers: one, fn: mixes(() => ({ causal: true })) }),
    agrees({ numbers: grouped, fn: mixes() }),
    agrees({ numbers: grouped, fn: mixes(() => ({ causal: true, scale: 0.3 })) }),
    agrees({ numbers: grouped, fn: mixes(() => ({ causal: true, window: 2 })) }),
    agrees({ numbers: grouped, words, fn: mixes(({ n }) => ({ lengths: n! })) }),
    agrees({ numbers: grouped, words, fn: mixes(({ n, m }) => ({ causal: true, lengths: n!, starts: m! })) }),
    agrees({ numbers: one, fn: mixes(() => ({ causal: true, slopes: alibiSlopes(2) })) }),
    agrees({ numbers: grouped, fn: mixes(() => ({ causal: true, slopes: alibiSlopes(4) })) }),
  ]
  await sameEverywhere(list, programs)
})

test('attention without options beyond causal is the program that it always was', () => {
  const shape = [2, 4, 2, 3]
  const types = {
    q: { dtype: 'f32', shape },
    k: { dtype: 'f32', shape },
    v: { dtype: 'f32', shape },
  } as const
  const now = traceProgram({ state: types }, ({ q, k, v }) => ({
    outputs: { y: attention({ query: q, key: k, value: v, causal: true }).mixed },
  }))
  const before = traceProgram({ state: types }, ({ q, k, v }) => {
    const scaled = map([q], (a) => a.mul(f32(1 / Math.sqrt(3))))
    const guards = ({ s, t }: { readonly [letter: string]: Index }) => [lessThan(s!, t!.add(1))]
    const scores = contract('bthd,bshd->bhts', scaled, k, { guards })
    return { outputs: { y: contract('bhts,bshd->bthd', softmax(scores, { causal: true }), v, { guards }) } }
  })
  assert.deepEqual(encodeProgram(now), encodeProgram(before))
})

test('what is not seen has weight 0 before anything is dropped', () => {
  const program = traceProgram(
    {
      state: { x: { dtype: 'f32', shape: [1, 5, 1, 2] } },
      inputs: { n: { dtype: 'u32', shape: [1] } },
    },
    ({ x }, { n }) => {
      const seen: Grid<'f'>[] = []
      const drop = (weights: Grid<'f'>) => {
        seen.push(weights)
        return weights
      }
      attention({ query: x, key: x, value: x, causal: true, window: 2, lengths: n, drop })
      attention({ query: x, key: x, value: x, starts: n, drop })
      return { outputs: { a: seen[0]!, b: seen[1]! } }
    },
  )
  const x = tensor(program.state[0]!, Array(10).fill(1))
  const [a, b] = runStep(program, [x], [tensor(program.inputs[0]!, [3])]).outputs.map(numbersOf)
  const rows = (values: number[]) => [0, 1, 2, 3, 4].map((t) => values.slice(5 * t, 5 * t + 5))
  assert.deepEqual(rows(a!), [
    [1, 0, 0, 0, 0],
    [0.5, 0.5, 0, 0, 0],
    [0, 0.5, 0.5, 0, 0],
    [0, 0, 1, 0, 0],
    [0, 0, 0, 0, 0],
  ])
  for (const row of rows(b!)) assert.deepEqual(row, [0, 0, 0, 0.5, 0.5])
})

test('a row that sees nothing is 0', () => {
  const program = traceProgram(
    {
      state: { x: { dtype: 'f32', shape: [1, 2, 1, 2] } },
      inputs: { n: { dtype: 'u32', shape: [1] } },
    },
    ({ x }, { n }) => ({ outputs: { y: attention({ query: x, key: x, value: x, lengths: n }).mixed } }),
  )
  const x = tensor(program.state[0]!, [1, 2, 3, 4])
  const [y] = runStep(program, [x], [tensor(program.inputs[0]!, [0])]).outputs
  assert.deepEqual(numbersOf(y!).map(Math.abs), [0, 0, 0, 0])
})

const decoding = (batch: number, rows: number, capacity: number, window?: number) => {
  const f = (...shape: number[]) => ({ dtype: 'f32', shape }) as const
  return traceProgram(
    {
      state: {
        keys: f(batch, 2, 3, capacity),
        values: f(batch, 2, capacity, 2),
        length: { dtype: 'u32', shape: [batch] },
      },
      inputs: { q: f(batch, rows, 4, 3), k: f(batch, rows, 2, 3), v: f(batch, rows, 2, 2) },
    },
    ({ keys, values, length }, { q, k, v }) => {
      const { mixed, cache } = attention({
        query: q,
        key: k,
        value: v,
        causal: true,
        ...(window ? { window } : {}),
        slopes: alibiSlopes(4),
        cache: { keys, values, length },
      })
      const next = map([length], (n) => n.add(rows))
      return { state: { keys: cache.keys, values: cache.values, length: next }, outputs: { mixed } }
    },
  )
}

test('decoding with a cache gives the bits of attention over the whole text', async () => {
  const [places, batch] = [7, 2]
  const next = numbersFrom(3)
  const filled = (...shape: number[]) => Array.from({ length: shape.reduce((n, e) => n * e, 1) }, next)
  const [q, k, v] = [filled(batch, places, 4, 3), filled(batch, places, 2, 3), filled(batch, places, 2, 2)]
  for (const window of [undefined, 3]) {
    const f = (...shape: number[]) => ({ dtype: 'f32', shape }) as const
    const whole = traceProgram(
      {
        state: {},
        inputs: { q: f(batch, places, 4, 3), k: f(batch, places, 2, 3), v: f(batch, places, 2, 2) },
      },
      (_, { q, k, v }) => ({
        outputs: {
          y: attention({
            query: q,
            key: k,
            value: v,
            causal: true,
            ...(window ? { window } : {}),
            slopes: alibiSlopes(4),
          }).mixed,
        },
      }),
    )
    const expected = numbersOf(
      runStep(
        whole,
        [],
        whole.inputs.map((t, i) => tensor(t, [q, k, v][i]!)),
      ).outputs[0]!,
    )
    // Rows `from` to `to` of what has so many numbers a place.
    const part = (data: readonly number[], each: number, from: number, to: number) =>
      Array.from({ length: batch }, (_, b) =>
        data.slice((b * places + from) * each, (b * places + to) * each),
      ).flat()
    let state = decoding(batch, 1, places, window).state.map((t) =>
      tensor(t, Array(t.shape.reduce((n, e) => n * e, 1)).fill(t.dtype === 'f32' ? Number.NaN : 0)),
    )
    for (let at = 0, rows = 3; at < places; at += rows, rows = 1) {
      const program = decoding(batch, rows, places, window)
      const inputs = program.inputs.map((t, i) =>
        tensor(t, part([q, k, v][i]!, [12, 6, 4][i]!, at, at + rows)),
      )
      const step = runStep(program, state, inputs)
      assert.deepEqual(numbersOf(step.outputs[0]!), part(expected, 8, at, at + rows), `place ${at}`)
      state = step.next as typeof state
    }
  }
})

test('decoding has the same bits in every executor, rows of different lengths and past the end included', async () => {
  await sameEverywhere(list, [
    decoding(2, 1, 8),
    decoding(2, 3, 5, 2),
    decoding(1, 1, 8, 4),
    decoding(1, 2, 4),
  ])
})

test('what does not fit is said', () => {
  const build = (q: readonly number[], k: readonly number[], options: object) =>
    traceProgram({ state: { q: { dtype: 'f32', shape: q }, k: { dtype: 'f32', shape: k } } }, ({ q, k }) => ({
      outputs: { y: attention({ query: q, key: k, value: k, ...options }).mixed },
    }))
  assert.throws(() => build([1, 2, 3, 4], [1, 2, 2, 4], {}), /3 heads for 2 key heads/)
  assert.throws(() => build([1, 2, 2, 4], [1, 2, 2, 3], {}), /width 4 of the query/)
  assert.throws(() => build([1, 3, 2, 4], [1, 2, 2, 4], { causal: true }), /as many places/)
  assert.throws(() => build([1, 2, 2, 4], [1, 2, 2, 4], { window: 2 }), /with causal/)
})
