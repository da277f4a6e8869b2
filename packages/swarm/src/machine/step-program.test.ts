import assert from 'node:assert/strict'
import { test } from 'node:test'
import { validateTask } from '@lockstep/proof'
import { createWasmExecutor, type Runner, referenceExecutor, unwrap } from '@lockstep/tensor'
import { type Code, codeOf, codeTensor } from './code.ts'
import { CODE, MEMORY, OPCODES, type Operation } from './instruction.ts'
import { interpreter, type Standing } from './interpret.ts'
import { scoreTensor, wordState, wordStep } from './step-program.ts'

const program = wordStep()
const operations = Object.keys(OPCODES) as Operation[]
const EDGES = [0, 1, 2, 3, 10, 31, 33, 0xff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffff000, 0xffffffff]

/** Numbers from a seed, for states that are drawn by the thousand. */
const numbers = (seed: number) => {
  let s = seed
  return (below: number): number => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0
    return Math.floor((s / 2 ** 32) * below)
  }
}

type Case = { readonly memory: Int32Array; readonly place: number; readonly request: Uint8Array }

/** A code of any two words everywhere, of which most name an operation, and memory with many edge values. */
const drawn = (seed: number): { code: Code; state: Case } => {
  const draw = numbers(seed)
  const word = (): number => (draw(2) ? EDGES[draw(EDGES.length)]! : draw(2 ** 32))
  const words = new Uint32Array(2 * CODE)
  for (let i = 0; i < CODE; i++) {
    words[2 * i] = draw(32) | (draw(2) << 7) | (draw(4) ? draw(2 ** 32) & 0xffff_ff60 : 0)
    words[2 * i + 1] = draw(3) ? word() : draw(8) | (draw(MEMORY) << 16)
  }
  const memory = Int32Array.from({ length: MEMORY }, word)
  const request = Uint8Array.from({ length: 128 }, () => draw(256))
  return { code: { length: CODE, words }, state: { memory, place: draw(CODE), request } }
}

test('the program can be a task: every dispute about it can be ended', () => {
  unwrap(validateTask(program))
})

/** What a runner stands at, against what the interpreter does. */
const same = (runner: Runner, stood: Standing, where: string): void => {
  const [words, at] = wordState(stood.memory, stood.place)
  const [foundWords, foundAt] = runner.state()
  assert.equal(Buffer.compare(foundWords!.data, words!.data), 0, where)
  assert.deepEqual(foundAt!.data, at!.data, where)
  assert.deepEqual(runner.outputs()[0]!.data, scoreTensor(stood.score).data, where)
}

test('every operation has the same bits in a tensor step, on edge values', async () => {
  const executor = await createWasmExecutor()
  const pairs = EDGES.flatMap((x) => EDGES.map((y) => [x, y] as const))
  const request = Uint8Array.from({ length: 128 }, (_, i) => 255 - i)
  for (const op of operations) {
    const memory = new Int32Array(MEMORY)
    const code = codeOf(
      pairs.flatMap((_, i) => [
        { op, d: 1024 + i, a: 2 * i, b: 2 * i + 1 },
        { op, d: 1024 + i, a: 2 * i, b: pairs[i]![1] & 0xffff, immediate: true },
      ]),
    )
    pairs.forEach(([x, y], i) => memory.set([x, y], 2 * i))
    // The state goes on from pair to pair, so that one compilation serves them all.
    const runner = await executor.compile(program, [
      codeTensor(code),
      { dtype: 'u8', shape: [128], data: request },
    ])
    const machine = interpreter(code)
    for (let place = 0; place < 2 * pairs.length; place++) {
      runner.load(wordState(memory, place))
      await runner.step()
      same(runner, machine.resume(memory, place, request, 1), `${op} of ${pairs[place >> 1]}`)
    }
    runner.close()
  }
  await executor.close()
})

test('the reference runs any words as the interpreter does', async () => {
  for (let seed = 100; seed < 140; seed++) {
    const { code, state } = drawn(seed)
    const runner = await referenceExecutor.compile(program, [
      codeTensor(code),
      { dtype: 'u8', shape: [128], data: state.request },
    ])
    runner.load(wordState(state.memory, state.place))
    await runner.step()
    same(runner, interpreter(code).resume(state.memory, state.place, state.request, 1), `seed ${seed}`)
  }
})

test('generated code runs any words as the interpreter does', async () => {
  const executor = await createWasmExecutor()
  for (let seed = 1; seed <= 4; seed++) {
    const { code, state } = drawn(seed)
    const runner = await executor.compile(program, [
      codeTensor(code),
      { dtype: 'u8', shape: [128], data: state.request },
    ])
    runner.load(wordState(state.memory, state.place))
    const machine = interpreter(code)
    let { memory, place } = state
    for (let step = 0; step < 300; step++) {
      await runner.step()
      const stood = machine.resume(memory, place, state.request, 1)
      same(runner, stood, `seed ${seed}, step ${step}`)
      memory = stood.memory.slice()
      // A halt or a short circle would show nothing more.
      place = stood.halted || step % 8 === 7 ? (place + 1 + 64 * step) % CODE : stood.place
      if (place !== stood.place) runner.load(wordState(memory, place))
    }
    runner.close()
  }
  await executor.close()
})
