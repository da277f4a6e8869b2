import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { randomContraction } from '../../conformance/random-contraction.ts'
import type { RandomProgram } from '../../conformance/random-program.ts'
import { Seeded } from '../../conformance/seeded.ts'
import type { Executor } from '../../executor.ts'
import type { FoldNode } from '../../node.ts'
import type { Tensor, TensorType } from '../../program.ts'
import { referenceExecutor } from '../../reference.ts'
import { createWasmExecutor } from '../executor.ts'
import { isContraction } from './contraction.ts'

const { LOCKSTEP_NIGHTLY, LOCKSTEP_QUICK } = process.env
const CONTRACTIONS = LOCKSTEP_NIGHTLY === '1' ? 1200 : LOCKSTEP_QUICK === '1' ? 30 : 150
const accelerator = { url: new URL('../../../test/plain-accelerator.ts', import.meta.url).href }

const executors: Executor[] = [
  await createWasmExecutor(),
  await createWasmExecutor({ relaxed: 'off' }),
  await createWasmExecutor({ threads: 2, shareFrom: 0 }),
  await createWasmExecutor({ accelerator }),
  await createWasmExecutor({ threads: 2, shareFrom: 0, accelerator }),
]
after(() => Promise.all(executors.map((e) => e.close())))

const compare = async ({ program, inputs }: RandomProgram, name: string): Promise<void> => {
  const expected = await referenceExecutor.compile(program, inputs)
  expected.load([])
  await expected.step()
  const [output] = expected.outputs()
  for (const executor of executors) {
    const runner = await executor.compile(program, inputs)
    runner.load([])
    await runner.step()
    const [got] = runner.outputs()
    const at = output!.data.findIndex((byte, i) => got!.data[i] !== byte)
    assert.equal(at, -1, `${name}, ${executor.name}, [${output!.dtype} ${output!.shape}]: byte ${at} differs`)
    runner.close()
  }
}

test(`${CONTRACTIONS} sums of products give the reference's bits, with an accelerator too`, async () => {
  for (let seed = 1; seed <= CONTRACTIONS; seed++)
    await compare(randomContraction(1000 + seed), `seed ${1000 + seed}`)
})

test('sums of more than 65,536 products have totals of totals, and rows may be gathered by words', async () => {
  const one = (at: number) => ({ base: 0, terms: [{ at, by: 1 }] })
  for (const points of [65537, 131072 + 300]) {
    const tensors = [
      { name: 'a', dtype: 'f32' as const, shape: [points, 6] },
      { name: 'b', dtype: 'f32' as const, shape: [4, points] },
      { name: 'rows', dtype: 'u32' as const, shape: [5] },
    ]
    const input = (index: number) => ({ from: 'input' as const, index })
    const word = { word: { ref: input(2), dtype: 'u32' as const, view: [5], coords: [one(0)] } }
    const node: FoldNode = {
      kind: 'fold',
      dtype: 'f32',
      shape: [5, 4],
      box: [points],
      reads: [
        { ref: input(0), dtype: 'f32', view: [points, 6], coords: [one(2), word] },
        { ref: input(1), dtype: 'f32', view: [4, points], coords: [one(1), one(2)] },
      ],
      guards: [],
      step: { args: ['f', 'f', 'f'], code: [{ op: 'fma', args: [1, 2, 0] }], result: 3 },
      order: {
        kind: 'blocked',
        init: points % 2 === 0 ? 0x80000000 : 0x3f800000,
        combine: { args: ['f', 'f'], code: [{ op: 'fadd', args: [0, 1] }], result: 2 },
      },
    }
    assert.ok(isContraction(node))
    const outputs = [{ name: 'c', ref: { from: 'node' as const, index: 0 } }]
    const program = { state: [], inputs: tensors, nodes: [node], next: [], outputs }
    const r = new Seeded(points)
    await compare({ program, state: [], inputs: tensors.map((t) => ordinary(r, t)) }, `${points} points`)
  }
})

/** Numbers of ordinary size: with edges among so many, every sum would be a NaN. */
const ordinary = (r: Seeded, { dtype, shape }: TensorType): Tensor => {
  const count = shape.reduce((n, d) => n * d, 1)
  const words = Uint32Array.from({ length: count }, () => (dtype === 'u32' ? r.between(0, 7) : 0))
  if (dtype === 'f32') {
    const numbers = new Float32Array(words.buffer)
    for (let i = 0; i < count; i++) numbers[i] = r.between(-4000, 4001) / 1024
  }
  return { dtype, shape, data: new Uint8Array(words.buffer) }
}

test('an accelerator whose bits differ, or that is none, is refused', async () => {
  const module = (body: string) => ({ url: `data:text/javascript,${encodeURIComponent(body)}` })
  const idle = 'export const attach = () => ({ multiply() {} })'
  const description = 'export const microkernel = { rows: 4, columns: 8 };'
  await assert.rejects(
    createWasmExecutor({ accelerator: module(idle) }),
    /does not export microkernel and attach/,
  )
  await assert.rejects(
    createWasmExecutor({ accelerator: module(`export const microkernel = { rows: 4, columns: 6 };${idle}`) }),
    /panels of 4 rows and 6 columns; allowed/,
  )
  await assert.rejects(
    createWasmExecutor({ accelerator: module(description + idle) }),
    /does not give the bits of the reference on this machine; leave the option out/,
  )
})
