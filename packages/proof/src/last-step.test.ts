import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type Node, type Program, type Read, traceScalar } from '@lockstep/tensor'
import { tinyProgram } from '../test/tiny-task.ts'
import { vastProgram } from '../test/vast-task.ts'
import { LAST_STEP_GAS, lastStepOf, validateTask, worstLastStep } from './last-step.ts'
import { SCALAR_ARGUMENT_GAS, SCALAR_GAS, SCALAR_START_GAS } from './scalar-gas.ts'

test('the table of instructions covers what the interpreter was measured to take', () => {
  const file = new URL('../../contracts/snapshots/ScalarMachine.json', import.meta.url)
  const { start, argument, ...measured } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>
  assert.deepEqual(Object.keys(measured).sort(), Object.keys(SCALAR_GAS).sort())
  for (const [op, gas] of Object.entries({ ...measured })) {
    const bound = SCALAR_GAS[op as keyof typeof SCALAR_GAS]
    assert.ok(Number(gas) <= bound && bound < 1.5 * Number(gas), `${op}: measured ${gas}, stated ${bound}`)
  }
  assert.ok(Number(start) <= SCALAR_START_GAS && Number(argument) <= SCALAR_ARGUMENT_GAS)
})

test('programs of all kinds of nodes, and of 10^8 parameters, fit the budget', () => {
  for (const program of [tinyProgram, vastProgram]) {
    assert.ok(validateTask(program).ok)
    assert.ok(worstLastStep(program).gas < LAST_STEP_GAS)
  }
})

const withReads = (reads: number, instructions: number): Program => {
  const shape = [1 << 20]
  const read = (index: number): Read => ({
    ref: { from: 'state', index },
    dtype: 'f32',
    view: shape,
    coords: [{ base: 0, terms: [{ at: 0, by: 1 }] }],
  })
  const heavy = traceScalar(
    Array.from({ length: reads }, () => 'f' as const),
    (...args) => {
      let value = args[0]!
      for (let i = 0; i < instructions; i++) value = value.div(args[i % reads]!.add(i))
      return value
    },
  )
  const node: Node = {
    kind: 'map',
    dtype: 'f32',
    shape,
    reads: Array.from({ length: reads }, (_, i) => read(i)),
    program: heavy,
  }
  const state = Array.from({ length: reads }, (_, i) => ({ name: `s${i}`, dtype: 'f32' as const, shape }))
  return {
    state,
    inputs: [],
    nodes: [node],
    next: state.map((_, index) => ({ from: index === 0 ? 'node' : 'state', index })),
    outputs: [],
  }
}

test('a bound grows with every read, every instruction and the size of what is read', () => {
  const gas = (reads: number, instructions: number) => lastStepOf(withReads(reads, instructions), 0).gas
  assert.ok(gas(3, 10) > gas(2, 10) && gas(2, 20) > gas(2, 10))
})

test('a task whose last step is too dear is refused, with the node, its gas and the limit', () => {
  assert.ok(validateTask(withReads(4, 30)).ok)
  const refused = validateTask(withReads(8, 80))
  assert.ok(!refused.ok)
  assert.equal(refused.fault.code, 'last-step-too-dear')
  assert.equal(refused.fault.field, 'nodes[0]')
  assert.match(String(refused.fault.value), /^\d+ gas/)
  assert.match(String(refused.fault.limit), new RegExp(`${LAST_STEP_GAS}`))
})
