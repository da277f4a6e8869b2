import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planArena } from '../../compile/arena.ts'
import { unwrap } from '../../fault.ts'
import type { Program, Tensor } from '../../program.ts'
import { runStep } from '../../reference.ts'
import { validateProgram } from '../../validate.ts'
import { equals } from '../fold.ts'
import type { Grid } from '../grid.ts'
import { map } from '../map.ts'
import { gelu } from '../ops/activation.ts'
import { contract, matmul } from '../ops/contract.ts'
import { gatherRows } from '../ops/gather.ts'
import { layerNorm } from '../ops/norm.ts'
import { mean, sum } from '../ops/reduce.ts'
import { softmax } from '../ops/softmax.ts'
import { traceProgram } from '../trace-program.ts'
import { transpose } from '../views.ts'
import { gradients } from './gradients.ts'
import { recompute } from './recompute.ts'

type Block = (x: Grid<'f'>) => Grid<'f'>
type Wrap = (block: Block) => Block
const LAYERS = 3

/** A network of blocks that have products, a norm and a softmax with gradients of their own, and residual streams. */
const training = (wrap: Wrap, rows = 24, width = 16): Program => {
  const f32 = (...shape: number[]) => ({ dtype: 'f32', shape }) as const
  const names = Array.from({ length: LAYERS }, (_, l) => [`in${l}`, `out${l}`]).flat()
  const state = Object.fromEntries(
    names.map((name) => [name, name.startsWith('in') ? f32(width, 4 * width) : f32(4 * width, width)]),
  )
  const inputs = { x: f32(rows, width), words: { dtype: 'u32', shape: [rows] } } as const
  return traceProgram({ state, inputs }, (found, { x: given, words }) => {
    const weight = (name: string) => found[name] as Grid<'f'>
    let x: Grid<'f'> = map([gatherRows(given, words)], (a) => a.mul(0.5), { label: 'start' })
    for (let l = 0; l < LAYERS; l++)
      x = wrap((h) => {
        const inner = gelu(matmul(layerNorm(h), weight(`in${l}`)))
        const mixed = matmul(softmax(contract('td,sd->ts', h, h)), matmul(inner, weight(`out${l}`)))
        const kept = contract('td,td->td', mixed, h, {
          guards: ({ t }) => [equals(words.at(t!), words.at(t!))],
        })
        return map([h, kept, mixed], (a, b, c) => a.add(b).add(c), { label: 'residual' })
      })(x)
    const loss = mean(map([x], (a) => a.mul(a)))
    const slopes = gradients(loss, Object.fromEntries(names.map((n) => [n, weight(n)])))
    const next = Object.fromEntries(
      names.map((n) => [n, map([weight(n), slopes[n]!], (p, g) => p.sub(g.mul(0.1)))]),
    )
    return { state: next, outputs: { loss, total: sum(slopes.in0!) } }
  })
}
const plain: Wrap = (block) => block
const kept: Wrap = (block) => recompute(block)

const tensors = (types: Program['state']): Tensor[] =>
  types.map(({ dtype, shape }, t) => {
    const count = shape.reduce((n, d) => n * d, 1)
    const values = Array.from({ length: count }, (_, i) => ((i * 7919 + t * 104729) % 1009) / 1009 - 0.5)
    const data =
      dtype === 'f32' ? new Float32Array(values) : Uint32Array.from(values, (v) => Math.floor((v + 0.5) * 24))
    return { dtype, shape, data: new Uint8Array(data.buffer) }
  })
/** Whether two values are alike, without the long search for where they differ. */
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
const results = (program: Program): unknown => {
  const { next, outputs } = runStep(program, tensors(program.state), tensors(program.inputs))
  return [next, outputs]
}

test('what is computed again has the same bits, and takes less memory', () => {
  const [whole, again] = [training(plain), training(kept)]
  unwrap(validateProgram(again))
  assert.ok(same(results(again), results(whole)))
  const least = (program: Program): number => planArena(program, { start: 0 }).lowerBound
  assert.ok(least(again) < 0.75 * least(whole), `${least(again)} of ${least(whole)} bytes`)
  // Equal nodes become one, and the second computation must not: each block has products that are there twice.
  assert.ok(again.nodes.length >= whole.nodes.length + 8 * LAYERS)
})

test('a recomputed function within another is a part of the outer one', () => {
  const nested = training((block) => recompute((x: Grid<'f'>) => recompute(block)(x)))
  assert.ok(same(nested, training(kept)))
})

test('what is computed from captured values alone is kept, as is all where nothing was an argument', () => {
  const captured = training((block) => (x) => recompute(() => block(x))())
  assert.ok(same(captured, training(plain)))
})

test('one function around everything, words among its arguments, and a result that is read twice', () => {
  const build = (
    wrap: <A extends readonly unknown[]>(fn: (...args: A) => Grid<'f'>) => (...args: A) => Grid<'f'>,
  ) =>
    traceProgram(
      {
        state: { table: { dtype: 'f32', shape: [9, 8] } },
        inputs: { words: { dtype: 'u32', shape: [12] } },
      },
      ({ table }, { words }) => {
        const look = wrap((w: Grid<'u'>) =>
          gelu(layerNorm(matmul(gatherRows(table, w), transpose(gatherRows(table, w))))),
        )
        const y = look(map([words], (w) => w.add(1)))
        const loss = mean(map([y, matmul(y, y)], (a, b) => a.mul(b)))
        return { state: { table: gradients(loss, { table }).table }, outputs: { loss } }
      },
    )
  const [whole, again] = [build((fn) => fn), build(recompute)]
  assert.ok(same(results(again), results(whole)))
  assert.ok(again.nodes.length > whole.nodes.length)
})
