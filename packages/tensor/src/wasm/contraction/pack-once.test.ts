import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Seeded } from '../../conformance/seeded.ts'
import type { Executor } from '../../executor.ts'
import type { FoldNode } from '../../node.ts'
import type { Program, Tensor } from '../../program.ts'
import { referenceExecutor } from '../../reference.ts'
import { ModuleWriter } from '../emitter.ts'
import { createWasmExecutor } from '../executor.ts'
import { contractionPhases } from './contraction.ts'

const one = await createWasmExecutor()
const [two, three] = [await createWasmExecutor({ threads: 2 }), await createWasmExecutor({ threads: 3 })]
after(() => Promise.all([one, two, three].map((e) => e.close())))

/** c = a b, where a is (m, k), or (k, m) in memory, and b is (k, n), or (n, k). */
const product = (m: number, n: number, k: number, layout: 'nn' | 'nt' | 'tn'): Program => {
  const [i, j, p] = [0, 1, 2].map((at) => ({ base: 0, terms: [{ at, by: 1 }] })) as [Coord, Coord, Coord]
  const a = layout === 'tn' ? { view: [k, m], coords: [p, i] } : { view: [m, k], coords: [i, p] }
  const b = layout === 'nt' ? { view: [n, k], coords: [j, p] } : { view: [k, n], coords: [p, j] }
  const node: FoldNode = {
    kind: 'fold',
    dtype: 'f32',
    shape: [m, n],
    box: [k],
    reads: [a, b].map((x, index) => ({ ref: { from: 'input', index }, dtype: 'f32', ...x })),
    guards: [],
    step: { args: ['f', 'f', 'f'], code: [{ op: 'fma', args: [1, 2, 0] }], result: 3 },
    order: {
      kind: 'blocked',
      init: 0x80000000,
      combine: { args: ['f', 'f'], code: [{ op: 'fadd', args: [0, 1] }], result: 2 },
    },
  }
  return {
    state: [],
    inputs: [a, b].map(({ view }, x) => ({ name: 'ab'[x]!, dtype: 'f32', shape: view })),
    nodes: [node],
    next: [],
    outputs: [{ name: 'c', ref: { from: 'node', index: 0 } }],
  }
}
type Coord = { base: number; terms: { at: number; by: number }[] }

const numbers = ({ inputs }: Program): Tensor[] =>
  inputs.map(({ shape, dtype }, x) => {
    const r = new Seeded(x + 1)
    const values = Float32Array.from(
      { length: shape.reduce((n, d) => n * d, 1) },
      () => r.between(-4000, 4001) / 1024,
    )
    return { shape, dtype, data: new Uint8Array(values.buffer) }
  })

const phasesOf = ({ nodes }: Program, threads: number, mayShare = true): number => {
  const fma = { kind: 'fused', module: new ModuleWriter(), threads } as const
  return contractionPhases(nodes[0] as FoldNode, fma, mayShare)!.length
}

const bytesOf = async (executor: Executor, program: Program): Promise<Buffer> => {
  const runner = await executor.compile(program, numbers(program))
  runner.load([])
  await runner.step()
  const [c] = runner.outputs()
  runner.close()
  return Buffer.from(c!.data)
}

test('panels that are packed once, of several units and blocks, give the bits of the reference', async () => {
  for (const layout of ['nn', 'nt', 'tn'] as const) {
    const program = product(50, 264, 258, layout)
    assert.equal(phasesOf(program, 1), 2, layout)
    const expected = await bytesOf(referenceExecutor, program)
    assert.ok(expected.equals(await bytesOf(one, program)), layout)
  }
})

test('threads that pack together give the bits of one that packs alone', async () => {
  for (const layout of ['nn', 'nt', 'tn'] as const) {
    const program = product(410, 1102, 701, layout)
    assert.equal(phasesOf(program, 2), 2, layout)
    const alone = await bytesOf(one, program)
    for (const executor of [two, three])
      assert.ok(alone.equals(await bytesOf(executor, program)), `${layout}, ${executor.name}`)
  }
})

test('panels are packed where they are used in a group, where they are too many, and for threads where they are few', () => {
  assert.equal(phasesOf(product(50, 264, 258, 'nn'), 1, false), 1)
  assert.equal(phasesOf(product(5000, 5000, 1500, 'nn'), 2), 1)
  assert.equal(phasesOf(product(50, 264, 258, 'nn'), 2), 1)
})
