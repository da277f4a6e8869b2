import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadElement, storeElement, traceProgram } from '@lockstep/tensor'
import { runReference } from '../../test/run.ts'
import { castTensor } from '../cast-tensor.ts'
import {
  DEFAULT_TRAIN,
  f32Tensor,
  f32Values,
  initialState,
  trainedParameters,
  trainProgram,
  wordTensor,
} from '../index.ts'
import { stochastic } from './precision.ts'

const bf16 = (x: number): number => {
  const data = new Uint8Array(2)
  const word = new Uint8Array(4)
  new DataView(word.buffer).setFloat32(0, x, true)
  storeElement('bf16', data, 0, loadElement('f32', word, 0))
  return f32Values(castTensor({ dtype: 'bf16', shape: [1], data }, 'f32'))[0]!
}

test('a number is rounded at random to one of its two neighbours, and is their mean in the long run', async () => {
  const COUNT = 4096
  const word = { dtype: 'u32', shape: [1] } as const
  const type = { dtype: 'f32', shape: [COUNT] } as const
  const program = traceProgram(
    { state: { step: word, seed: word }, inputs: { x: type } },
    ({ step, seed }, { x }) => ({
      outputs: { y: stochastic(x, { step, seed, salt: 5 }) },
    }),
  )
  const rounded = async (x: number, seed: number): Promise<Float32Array> => {
    const input = f32Tensor([COUNT], new Float32Array(COUNT).fill(x))
    const { outputs } = await runReference(program, [wordTensor(3), wordTensor(seed)], [input])
    assert.equal(outputs[0]!.dtype, 'bf16')
    return f32Values(castTensor(outputs[0]!, 'f32'))
  }
  for (const [x, part] of [
    [1 + 2 ** -8, 0.5],
    [-(1 + 2 ** -9), 0.25],
    [3e-39, undefined],
    [0.1, undefined],
  ] as const) {
    const values = await rounded(x, 9)
    const seen = [...new Set(values)].sort((a, b) => a - b)
    assert.equal(seen.length, 2, `${seen}`)
    assert.ok(seen[0]! < x && x < seen[1]! && seen.includes(bf16(x)), `${x}: ${seen}`)
    const gap = seen[1]! - seen[0]!
    const mean = values.reduce((s, v) => s + v / COUNT, 0)
    // A coin's mean over 4096 throws is within 4 * 0.5 / 64 of its chance in all but one of 15,000 cases.
    assert.ok(Math.abs(mean - x) < gap / 32, `${x}: mean ${mean}`)
    if (part !== undefined) {
      const up = values.filter((v) => Math.abs(v) === Math.max(...seen.map(Math.abs))).length
      assert.ok(Math.abs(up / COUNT - part) < 1 / 32, `${up}`)
    }
    assert.notDeepEqual(await rounded(x, 10), values)
  }
  for (const x of [0, -2.5, Infinity, -Infinity, Number.NaN]) {
    assert.ok(
      (await rounded(x, 9)).every((v) => Object.is(v, x)),
      `${x}`,
    )
  }
})

test('what is narrow are matrices, their moments, and what products and maps give: no gains, sums or losses', () => {
  const config = { vocab: 31, context: 8, width: 16, layers: 1, heads: 2, dropout: 0 }
  const train = { ...DEFAULT_TRAIN, batch: 2, average: 0.9 }
  const narrow = { parameters: 'bf16', activations: 'bf16', moments: 'bf16' } as const
  const program = trainProgram(
    { kind: 'gpt', config },
    { ...train, precision: narrow },
    { tokens: 50, dtype: 'u8' },
  )
  for (const { name, dtype, shape } of program.state) {
    const isWide = shape.length === 1 || name.endsWith('.average')
    assert.equal(dtype, shape[0] === 1 ? 'u32' : isWide ? 'f32' : 'bf16', name)
  }
  const stored = program.nodes.filter((n) => n.dtype === 'bf16')
  assert.ok(stored.length > 20)
  for (const node of stored) assert.ok(node.shape.length >= 2 && node.shape.at(-1)! > 1)
  for (const { ref } of program.outputs)
    assert.ok(ref.from === 'node' && program.nodes[ref.index]!.dtype === 'f32')
  const model = { kind: 'gpt', config } as const
  const state = initialState(model, 4, { ...train, precision: narrow })
  assert.deepEqual(
    state.map(({ dtype }) => dtype),
    program.state.map(({ dtype }) => dtype),
  )
  assert.ok(trainedParameters(model, { ...train, precision: narrow }, state).every((t) => t.dtype === 'f32'))
  const master = initialState(model, 4, { ...train, precision: { parameters: 'bf16', master: true } })
  assert.deepEqual(master, initialState(model, 4, train))
})
