import assert from 'node:assert/strict'
import { test } from 'node:test'
import { f32Tensor, f32Values, initialParameters, type LanguageModel, u32Tensor } from '@lockstep/models'
import { validateTask } from '@lockstep/proof'
import {
  createWasmExecutor,
  FaultError,
  type Program,
  referenceExecutor,
  type Tensor,
  unwrap,
} from '@lockstep/tensor'
import { averageRowsProgram } from './average.ts'
import { isFinite32, memberTable, parametersFromRow, rowOf } from './member-table.ts'
import { type Ties, tiesRowsProgram } from './ties.ts'

const wasm = await createWasmExecutor()
const MEMBERS = 4
const NUMBERS = 101
/** Numbers that are not round, of both signs, and differ between members. */
const rows = Array.from({ length: MEMBERS }, (_, m) =>
  Float32Array.from({ length: NUMBERS }, (_, i) => ((i * 37 + m * 53 + i * m) % 97) / 7 - 6.5),
)
const table = f32Tensor([MEMBERS, NUMBERS], Float32Array.from(rows.flatMap((row) => [...row])))
const base = f32Tensor(
  [NUMBERS],
  rows[1]!.map((x, i) => Math.fround(x / 3 + (i % 5))),
)

/** The result on both executors, which must agree, from whatever state. */
const merged = async (program: Program, inputs: readonly Tensor[]): Promise<Float32Array> => {
  const found: Float32Array[] = []
  for (const [e, executor] of [referenceExecutor, wasm].entries()) {
    const runner = await executor.compile(unwrap(validateTask(program)), inputs)
    runner.load([f32Tensor([NUMBERS], new Float32Array(NUMBERS).fill(e))])
    await runner.step(2)
    assert.equal(f32Values(runner.outputs()[0]!)[0], 0)
    found.push(f32Values(runner.state()[0]!))
    runner.close()
  }
  assert.deepEqual(found[0], found[1])
  return found[0]!
}
const { fround } = Math

test('an average is the weighted mean in the order of the members, on every executor', async () => {
  const program = averageRowsProgram(MEMBERS, NUMBERS)
  for (const weights of [
    [1, 1, 1, 1],
    [0, 3, 1, 0],
    [0, 0, 0, 1],
  ]) {
    const total = weights.reduce((a, b) => a + b)
    const expected = Float32Array.from({ length: NUMBERS }, (_, i) =>
      fround(weights.reduce((sum, w, m) => fround(sum + fround(w * rows[m]![i]!)), 0) / total),
    )
    assert.deepEqual(await merged(program, [table, u32Tensor([MEMBERS], weights)]), expected)
  }
})

/** TIES as its authors say it, number by number. */
const tiesOf = (taken: readonly number[], { keep, scale }: Ties): Float32Array => {
  const from = f32Values(base)
  const most = Math.ceil((NUMBERS * keep) / 1000)
  const ways = taken.map((m) => {
    const way = rows[m]!.map((x, i) => fround(x - from[i]!))
    const order = [...way.keys()].sort((a, b) => Math.abs(way[b]!) - Math.abs(way[a]!) || a - b)
    const stays = new Set(order.slice(0, most))
    return way.map((x, i) => (stays.has(i) ? x : 0))
  })
  return from.map((b, i) => {
    const here = ways.map((way) => way[i]!)
    const sign = here.reduce((sum, x) => fround(sum + x), 0) < 0
    const agreeing = here.filter((x) => x !== 0 && x < 0 === sign)
    if (agreeing.length === 0) return b
    const mean = fround(agreeing.reduce((sum, x) => fround(sum + x), 0) / agreeing.length)
    return fround(b + fround(mean * fround(scale / 1000)))
  })
}

test('TIES trims, elects signs and merges what agrees, on every executor', async () => {
  for (const how of [
    { keep: 200, scale: 1000 },
    { keep: 1, scale: 700 },
    { keep: 1000, scale: 1000 },
  ]) {
    const program = tiesRowsProgram(MEMBERS, NUMBERS, how)
    for (const weights of [
      [1, 1, 1, 1],
      [1, 0, 1, 0],
    ]) {
      const taken = weights.flatMap((w, m) => (w === 0 ? [] : [m]))
      const inputs = [table, u32Tensor([MEMBERS], weights), base]
      assert.deepEqual(await merged(program, inputs), tiesOf(taken, how), JSON.stringify({ how, weights }))
    }
  }
})

test('who is left out changes no bit, and were its numbers NaN', async () => {
  const spoilt = rows.map((row, m) => (m === 2 ? new Float32Array(NUMBERS).fill(Number.NaN) : row))
  const other = f32Tensor([MEMBERS, NUMBERS], Float32Array.from(spoilt.flatMap((row) => [...row])))
  const weights = u32Tensor([MEMBERS], [1, 1, 0, 1])
  const average = averageRowsProgram(MEMBERS, NUMBERS)
  assert.deepEqual(await merged(average, [other, weights]), await merged(average, [table, weights]))
  const ties = tiesRowsProgram(MEMBERS, NUMBERS, { keep: 300, scale: 1000 })
  assert.deepEqual(await merged(ties, [other, weights, base]), await merged(ties, [table, weights, base]))
  assert.equal(isFinite32([f32Tensor([NUMBERS], spoilt[2]!)]), false)
  assert.equal(isFinite32([table]), true)
})

test('members of one configuration are rows of a table, and others are refused by name', () => {
  const config = { vocab: 9, context: 5, width: 6, layers: 1, heads: 2, dropout: 0 }
  const model: LanguageModel = { kind: 'gpt', config }
  const wide: LanguageModel = { kind: 'gpt', config: { ...config, width: 8 } }
  const parameters = initialParameters(model, 1)
  assert.deepEqual(parametersFromRow(model, rowOf(parameters)), parameters)
  assert.deepEqual(memberTable(model, [parameters]).data, rowOf(parameters).data)
  for (const [members, field] of [
    [[], 'members'],
    [Array(65).fill(parameters), 'members'],
    [[parameters, initialParameters(wide, 1)], 'members[1].'],
    [[parameters.slice(1)], 'members[0].'],
  ] as const)
    assert.throws(
      () => memberTable(model, members),
      (e) => e instanceof FaultError && e.fault.code === 'merge-invalid' && e.fault.field.startsWith(field),
    )
})

test('the merge of large models can still be judged', () => {
  for (const program of [
    averageRowsProgram(32, 2 ** 24),
    tiesRowsProgram(32, 2 ** 24, { keep: 200, scale: 1000 }),
  ])
    assert.ok(validateTask(program).ok)
})
