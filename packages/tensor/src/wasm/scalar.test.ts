import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Dtype } from '../dtype.ts'
import type { MapNode } from '../node.ts'
import type { Program, Tensor } from '../program.ts'
import { scalarCases, type TestedOpcode } from '../scalar/cases.ts'
import { INSTRUCTIONS, isLeaf, OPCODES } from '../scalar/instruction.ts'
import { applyInstruction } from '../scalar/reference.ts'
import type { ScalarProgram } from '../scalar/scalar-program.ts'
import { createWasmExecutor } from './executor.ts'

const { LOCKSTEP_NIGHTLY, LOCKSTEP_QUICK } = process.env
const COUNT = LOCKSTEP_NIGHTLY === '1' ? 4_000_000 : LOCKSTEP_QUICK === '1' ? 20_000 : 200_000

const executors = [await createWasmExecutor(), await createWasmExecutor({ relaxed: 'off' })]
after(() => Promise.all(executors.map((e) => e.close())))

const dtypeOf = { f: 'f32', u: 'u32' } as const

/** The program over one state tensor per operand, element by element: it runs on one set of operands after another. */
const mapOver = (program: ScalarProgram, n: number, dtype: Dtype): Program => {
  const state = program.args.map((r, i) => ({ name: `x${i}`, dtype: dtypeOf[r], shape: [n] }))
  const refs = state.map((_, index) => ({ from: 'state' as const, index }))
  const reads = state.map(({ dtype }, index) => ({
    ref: refs[index]!,
    dtype,
    view: [n],
    coords: [{ base: 0, terms: [{ at: 0, by: 1 }] }],
  }))
  const node: MapNode = { kind: 'map', dtype, shape: [n], reads, program }
  return {
    state,
    inputs: [],
    nodes: [node],
    next: refs,
    outputs: [{ name: 'y', ref: { from: 'node', index: 0 } }],
  }
}

const tensor = (dtype: Dtype, words: number[]): Tensor => ({
  dtype,
  shape: [words.length],
  data: new Uint8Array(Uint32Array.from(words).buffer),
})

/** So many cases at a time: millions of them at once are mostly work for the garbage collector. */
const AT_ONCE = Math.min(COUNT, 20_000)

for (const op of OPCODES) {
  if (isLeaf(op)) continue
  test(`${op} gives the reference's bits on ${COUNT} cases`, async () => {
    const { takes, gives } = INSTRUCTIONS[op]
    // a select is tested in both registers
    for (const x of takes.includes('x') ? (['f', 'u'] as const) : (['f'] as const)) {
      const register = (c: string) => (c === 'x' ? x : (c as 'f' | 'u'))
      const args = [...takes].map(register)
      const program = { args, code: [{ op, args: args.map((_, i) => i) }], result: args.length }
      const dtype = dtypeOf[register(gives)]
      const mapped = mapOver(program, AT_ONCE, dtype)
      const runners = await Promise.all(executors.map((executor) => executor.compile(mapped, [])))
      for (let done = 0; done < COUNT; done += AT_ONCE) {
        const cases = scalarCases(op as TestedOpcode, 7 + done, AT_ONCE)
        const expected = Uint32Array.from(cases, ({ a, b, c }) => {
          const word = applyInstruction(op, a, b, c)
          return dtype === 'f32' && (word & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : word
        })
        const operands = (['a', 'b', 'c'] as const).slice(0, args.length)
        const state = operands.map((name, i) =>
          tensor(
            dtypeOf[args[i]!],
            cases.map((each) => each[name]),
          ),
        )
        for (const [e, runner] of runners.entries()) {
          runner.load(state)
          await runner.step()
          const words = new Uint32Array(runner.outputs()[0]!.data.slice().buffer)
          const i = words.findIndex((word, at) => word !== expected[at])
          if (i < 0) continue
          const { a, b, c } = cases[i]!
          const got = `${words[i]!.toString(16)}, not ${expected[i]!.toString(16)}`
          assert.fail(`${executors[e]!.name}: ${op}(${[a, b, c].map((w) => w.toString(16))}) gives ${got}`)
        }
      }
      for (const runner of runners) runner.close()
    }
  })
}

test('fma rounds once where a subnormal sum nearly ties', async () => {
  // a * b is 2^-150 (1 - 2^-46) or its like: half a last place, less or more than a binary64 sum can hold
  const a: number[] = []
  const b: number[] = []
  const c: number[] = []
  for (const [x, y] of [
    [1, -2], // (1 + 2^-23)(1 - 2^-23): -1 would be half a place only, below a power of two
    [3, -6],
    [-2, 1],
    [2, 0],
  ] as const)
    for (const sign of [0, 0x80000000])
      for (const m of [1, 0x3fffff, 0x400000, 0x400001, 0x7ffffe, 0x7fffff, 0x800000, 0x800001]) {
        a.push(0x1a000000 + x) // 2^-75
        b.push(0x1a000000 + y)
        c.push((sign | m) >>> 0)
      }
  const program: ScalarProgram = { args: ['f', 'f', 'f'], code: [{ op: 'fma', args: [0, 1, 2] }], result: 3 }
  const expected = a.map((x, i) => applyInstruction('fma', x, b[i]!, c[i]!))
  for (const executor of executors) {
    const runner = await executor.compile(mapOver(program, a.length, 'f32'), [])
    runner.load([a, b, c].map((words) => tensor('f32', words)))
    await runner.step()
    assert.deepEqual([...new Uint32Array(runner.outputs()[0]!.data.slice().buffer)], expected, executor.name)
    runner.close()
  }
})

test('constants and shifts by constants give the reference bits', async () => {
  for (const op of ['shl', 'shr', 'sar'] as const) {
    const cases = scalarCases(op, 9, 64)
    for (const { b } of cases) {
      const program: ScalarProgram = {
        args: ['u'],
        code: [
          { op: 'const_u', immediate: b },
          { op, args: [0, 1] },
        ],
        result: 2,
      }
      const runner = await executors[0]!.compile(mapOver(program, cases.length, 'u32'), [])
      const words = cases.map((c) => c.a)
      runner.load([tensor('u32', words)])
      await runner.step()
      const expected = cases.map(({ a }) => applyInstruction(op, a, b))
      assert.deepEqual([...new Uint32Array(runner.outputs()[0]!.data.slice().buffer)], expected)
      runner.close()
    }
  }
})
