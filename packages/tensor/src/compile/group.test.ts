import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomNetwork } from '../conformance/random-network.ts'
import type { Grid } from '../front/grid.ts'
import { map } from '../front/map.ts'
import { add, mul, sub } from '../front/ops/arithmetic.ts'
import { matmul } from '../front/ops/contract.ts'
import { layerNorm } from '../front/ops/norm.ts'
import { sum } from '../front/ops/reduce.ts'
import { softmax } from '../front/ops/softmax.ts'
import { traceProgram } from '../front/trace-program.ts'
import { transpose } from '../front/views.ts'
import type { MapNode } from '../node.ts'
import type { Program, Tensor } from '../program.ts'
import { runStep } from '../reference.ts'
import { index, traceScalar } from '../scalar/trace.ts'
import { checkProgram } from './check.ts'
import { cutNode, staysInUnit } from './cut.ts'
import { checkTurns, type Turns } from './group.ts'
import { planProgram } from './plan.ts'

const f32 = (...shape: number[]) => ({ dtype: 'f32', shape }) as const
const groupsOf = ({ turns, hidden }: Turns): string[] =>
  turns
    .filter((s) => s.count > 1)
    .map(
      (s) =>
        `${s.count} in ${s.units}, ${[...hidden].filter((i) => i >= s.first && i < s.first + s.count).length} hidden`,
    )
const plan = (program: Program): Turns => planProgram(program)

test('a softmax is one visit of memory: its rows are found, cut and never leave the cache', () => {
  const program = traceProgram({ state: { x: f32(1024, 256) } }, ({ x }) => ({ outputs: { y: softmax(x) } }))
  const turns = plan(program)
  assert.equal(turns.turns.length, 1)
  assert.equal(turns.hidden.size, program.nodes.length) // its exponentials are one more node
  assert.ok(turns.turns[0]!.units >= 16)
})

test("an optimiser's nodes of one tensor are one group, those of another tensor another", () => {
  const program = traceProgram(
    {
      state: { a: f32(64, 64), m: f32(64, 64), b: f32(64, 64), n: f32(64, 64) },
      inputs: { g: f32(64, 64), h: f32(64, 64) },
    },
    ({ a, m, b, n }, { g, h }) => {
      const [m2, n2] = [add(mul(m, 0.9), mul(g, 0.1)), add(mul(n, 0.9), mul(h, 0.1))]
      return { state: { m: m2, a: sub(a, m2), n: n2, b: sub(b, n2) } }
    },
  )
  assert.deepEqual(groupsOf(plan(program)), ['2 in 16, 0 hidden', '2 in 16, 0 hidden'])
})

test('attention scores exist for one head at a time', () => {
  const program = traceProgram({ state: { q: f32(4, 8, 64, 32), k: f32(4, 8, 64, 32) } }, ({ q, k }) => ({
    outputs: { p: softmax(matmul(q, transpose(k, [0, 1, 3, 2])), { causal: true }) },
  }))
  const { turns, hidden } = plan(program)
  assert.equal(turns.length, 1)
  assert.equal(turns[0]!.units, 16) // two of 32 heads
  assert.equal(hidden.size, program.nodes.length - 1)
})

test('a unit that is passed over again fits half of the nearest cache, or is one row where a row does not', () => {
  const unitsOf = (rows: number, columns: number): number => {
    const program = traceProgram({ state: { x: f32(rows, columns) } }, ({ x }) => ({
      outputs: { y: layerNorm(x as Grid<'f'>) },
    }))
    const { turns } = plan(program)
    assert.equal(turns.length, 1)
    return turns[0]!.units
  }
  assert.equal(unitsOf(1024, 256), 256) // 4 rows, read and written: 8 KiB and their sums
  assert.equal(unitsOf(1024, 1024), 1024)
  assert.equal(unitsOf(1024, 8192), 1024) // 64 KiB
})

test('units stay large where smaller ones would read narrower columns', () => {
  const program = traceProgram({ state: { x: f32(1024, 256) } }, ({ x }) => ({
    outputs: { sums: sum(x as Grid<'f'>, { axes: 0 }), y: softmax(x as Grid<'f'>) },
  }))
  const { turns } = plan(program)
  assert.equal(turns.length, 1)
  assert.equal(turns[0]!.units, 16) // of 16 columns and 64 rows
})

test('a node that reads beyond its unit is in another kernel', () => {
  const read = (turned: boolean) =>
    traceProgram({ state: { x: f32(64, 64) } }, ({ x }) => {
      const made = softmax(x)
      return { outputs: { y: sum(turned ? transpose(made) : made, { axes: 1 }), made } }
    })
  assert.equal(plan(read(false)).turns.length, 1)
  assert.ok(plan(read(true)).turns.length > 1)
})

test('no product joins that would pack the same factor in every unit', () => {
  const program = traceProgram({ state: { x: f32(256, 64), w: f32(64, 64) } }, ({ x, w }) => ({
    outputs: { y: softmax(matmul(x, w)) },
  }))
  const { program: moved, turns } = plan(program)
  const product = moved.nodes.findIndex((n) => n.kind === 'fold' && n.step.code[0]!.op === 'fma')
  assert.equal(turns.find((s) => s.first === product)!.count, 1)
})

test('a node that asks where it is has no cut in which that would be another place', () => {
  const node = traceProgram({ state: { x: f32(1, 8, 6) } }, ({ x }) => ({
    outputs: { y: map([x as Grid<'f'>], (a) => a.add(index(1).toF32()).add(index(2).toF32())) },
  })).nodes[0]!
  const first = { ...node, program: traceScalar(['f'], (a) => a.add(index(0).toF32())) } as MapNode
  const last = { ...node, program: traceScalar(['f'], (a) => a.add(index(2).toF32())) } as MapNode
  assert.deepEqual(
    [node, first, last].map((n) => cutNode(n, 4)?.part),
    [undefined, undefined, 12],
  )
  const part = cutNode(last, 4)!.node as MapNode
  assert.deepEqual(
    part.program.code.flatMap((c) => (c.op === 'index' ? [c.immediate] : [])),
    [1],
  )
})

test('cuts of 12 random networks: the units of a node make up the node', () => {
  let cuts = 0
  for (let seed = 1; seed <= 12; seed++) {
    const { program, state, inputs } = randomNetwork(seed)
    const whole = runStep(program, state, inputs).nodes
    for (const [i, node] of program.nodes.entries())
      for (const units of [2, 3, 4, 8, 16]) {
        const cut = cutNode(node, units)
        if (!cut) continue
        cuts++
        const bytes = whole[i]!.data.length / units
        assert.equal(
          cut.part * units,
          node.shape.reduce((n, e) => n * e, 1),
        )
        for (const unit of [0, units - 1]) {
          // each load as a tensor of its own that begins where the unit begins
          const sources: Tensor[] = cut.loads.map(({ ref, by }): Tensor => {
            const list = { node: whole, state, input: inputs }[ref.from]
            const { dtype, shape, data } = list[ref.index]!
            const elements = shape.reduce((n, e) => n * e, 1)
            let [rest, at] = [unit, 0]
            for (let d = by.length - 1; d >= 0; d--) {
              at += by[d]! * (rest % cut.digits[d]!)
              rest = Math.floor(rest / cut.digits[d]!)
            }
            const moved = new Uint8Array(data.length)
            const from = (at * data.length) / elements
            moved.set(
              data.subarray(Math.max(0, from), Math.min(data.length, data.length + from)),
              Math.max(0, -from),
            )
            return { dtype, shape, data: moved }
          })
          const part: Program = {
            state: [],
            inputs: sources.map(({ dtype, shape }, k) => ({ dtype, shape, name: `x${k}` })),
            nodes: [cut.node],
            next: [],
            outputs: [{ name: 'y', ref: { from: 'node', index: 0 } }],
          }
          const got: Uint8Array = runStep(checkProgram(part, 'cut'), [], sources).outputs[0]!.data
          const expected = whole[i]!.data.subarray(unit * bytes, (unit + 1) * bytes)
          assert.equal(
            Buffer.compare(got, expected),
            0,
            `network ${seed}, node ${i}, unit ${unit} of ${units}`,
          )
        }
      }
  }
  assert.ok(cuts > 200, `${cuts} cuts`)
})

test('turns that break a rule are found', () => {
  const program = traceProgram({ state: { x: f32(1024, 256) } }, ({ x }) => {
    const y = softmax(x)
    return { outputs: { y, z: sum(y, { axes: 0 }) } }
  })
  const good = plan(program)
  checkTurns(good)
  const [first] = good.turns
  const all = good.program.nodes.length
  assert.throws(() => checkTurns({ ...good, turns: good.turns.slice(1) }), /begins at node/)
  assert.throws(() => checkTurns({ ...good, turns: [first!] }), /are in no turn/)
  assert.throws(
    () => checkTurns({ ...good, turns: [{ first: 0, count: all, units: first!.units }] }),
    /outside of its unit|has no/,
  )
  assert.throws(
    () => checkTurns({ ...good, hidden: new Set([...good.hidden, first!.count - 1]) }),
    /is hidden from/,
  )
})

test('a load stays in its unit only where it moves by whole parts', () => {
  const program = traceProgram({ state: { x: f32(8, 4) } }, ({ x }) => ({ outputs: { y: mul(x, 2) } }))
  const cut = cutNode(program.nodes[0]!, 8)!
  const load = cut.loads[0]!
  assert.ok(staysInUnit(cut, load, 4))
  assert.ok(!staysInUnit(cut, { ...load, by: [8] }, 4))
  assert.ok(!staysInUnit(cut, { ...load, range: [0, 4] }, 4))
  assert.ok(!staysInUnit(cut, { ...load, range: undefined }, 4))
})
