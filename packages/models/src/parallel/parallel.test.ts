import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rootOf, tensorsTree, treeOf, validateTask } from '@lockstep/proof'
import {
  createWasmExecutor,
  LIMITS,
  type NamedType,
  referenceExecutor,
  type Tensor,
  unwrap,
  validateProgram,
} from '@lockstep/tensor'
import fc from 'fast-check'
import {
  averageProgram,
  f32Tensor,
  f32Values,
  initialState,
  padState,
  padTensors,
  shardCorpus,
  trainProgram,
  wordTensor,
} from '../index.ts'

const model = { vocab: 7, context: 4, width: 4, layers: 1, heads: 1, dropout: 0 }
const train = { batch: 2, steps: 8, warmup: 1, rate: 1e-2, lastRate: 0.1, clip: 1, decay: 0.1 }
const adam = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8 }
const gpt = trainProgram({ kind: 'gpt', config: model }, { ...train, ...adam }, { tokens: 20, dtype: 'u8' })

/** Values that are not round, and differ between workers. */
const stateOf = (types: readonly NamedType[], worker: number): Tensor[] =>
  types.map(({ dtype, shape }, t) => {
    if (dtype === 'u8') return { dtype, shape, data: new Uint8Array(1) }
    if (dtype === 'u32') return wordTensor(100 * worker + t)
    const count = shape.reduce((n, d) => n * d, 1)
    const values = Float32Array.from(
      { length: count },
      (_, i) => ((i * 37 + t * 11 + worker * 5) % 64) / 7 - 4,
    )
    return f32Tensor(shape, values)
  })

test('a padded state has a power of two of tensors, and steps leave the pads alone', async () => {
  const padded = padState(gpt)
  assert.equal(padded.state.length, 64)
  assert.ok(validateTask(padded).ok)
  assert.deepEqual(padState(padded), padded)
  const state = padTensors(initialState({ kind: 'gpt', config: model }, 3))
  assert.deepEqual(
    state.map(({ dtype, shape }) => ({ dtype, shape })),
    padded.state.map(({ dtype, shape }) => ({ dtype, shape: [...shape] })),
  )
  const corpus: Tensor = { dtype: 'u8', shape: [20], data: new Uint8Array(20).map((_, i) => i % 7) }
  const runs = await Promise.all(
    [padded, gpt].map(async (program) => {
      const runner = await referenceExecutor.compile(unwrap(validateProgram(program)), [corpus])
      runner.load(program === gpt ? state.slice(0, gpt.state.length) : state)
      await runner.step(2)
      return runner.state()
    }),
  )
  assert.deepEqual(runs[0], padTensors(runs[1]!))
})

test("the root of a merge's inputs is the root over the workers' state roots", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 20 }), (workers, tensors) => {
      const states = Array.from({ length: workers }, (_, w) =>
        padTensors(Array.from({ length: tensors }, (_, t) => wordTensor(1000 * w + t))),
      )
      const roots = states.map((state) => rootOf(tensorsTree(state)))
      assert.deepEqual(rootOf(treeOf(roots)), rootOf(tensorsTree(states.flat())))
    }),
    { numRuns: 60 },
  )
})

test('a merge is the mean in the order of the workers, with the words of worker 0, on every executor', async () => {
  const types = padState(gpt).state
  const wasm = await createWasmExecutor()
  for (const workers of [2, 3, 4, 5, 9]) {
    const program = unwrap(validateTask(averageProgram(types, workers)))
    const states = Array.from({ length: workers }, (_, w) => stateOf(types, w))
    const expected = types.map(({ dtype, shape }, t) => {
      if (dtype !== 'f32') return states[0]![t]!
      const values = states.map((state) => f32Values(state[t]!))
      return f32Tensor(
        shape,
        values[0]!.map((_, i) =>
          Math.fround(values.map((v) => v[i]!).reduce((a, b) => Math.fround(a + b)) / workers),
        ),
      )
    })
    for (const executor of [referenceExecutor, wasm]) {
      const runner = await executor.compile(program, states.flat())
      runner.load(states[workers - 1]!)
      await runner.step()
      assert.deepEqual(runner.state(), expected)
      assert.ok(f32Values(runner.outputs()[0]!)[0]! > 0)
      await runner.step()
      assert.deepEqual(runner.state(), expected)
      assert.equal(f32Values(runner.outputs()[0]!)[0], 0)
      runner.close()
    }
  }
  await wasm.close()
})

test('a merge of large states can still be judged, and of too many tensors is refused', () => {
  const big: NamedType[] = Array.from({ length: 256 }, (_, i) => ({
    name: `t${i}`,
    dtype: 'f32',
    shape: i === 0 ? [4096, 16384] : [1],
  }))
  assert.ok(validateTask(averageProgram(big, 16)).ok)
  assert.throws(() => averageProgram(big, 17), { field: 'workers', value: '17' })
  assert.equal(256 * 16, LIMITS.tensors)
  assert.throws(() => averageProgram([{ name: 'a', dtype: 'u32', shape: [1] }], 2), { field: 'state' })
})

test('shards are contiguous, of one length, and leave out less than one token a worker', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 60 }), (count, workers) => {
      fc.pre(workers <= count)
      const tokens: Tensor = { dtype: 'u8', shape: [count], data: new Uint8Array(count).map((_, i) => i) }
      const shards = shardCorpus(tokens, workers)
      assert.equal(new Set(shards.map(({ shape }) => shape[0])).size, 1)
      const joined = shards.flatMap(({ data }) => [...data])
      assert.deepEqual(joined, [...tokens.data.subarray(0, joined.length)])
      assert.ok(count - joined.length < workers)
    }),
  )
  const words: Tensor = { dtype: 'u32', shape: [3], data: new Uint8Array(12).map((_, i) => i) }
  assert.deepEqual(shardCorpus(words, 2)[1], { dtype: 'u32', shape: [1], data: Uint8Array.of(4, 5, 6, 7) })
  assert.throws(() => shardCorpus(words, 4), { field: 'workers' })
})
