import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { asWritten, planProgram } from '../compile/plan.ts'
import { prune } from '../compile/prune.ts'
import { randomContraction } from '../conformance/random-contraction.ts'
import { randomNetwork } from '../conformance/random-network.ts'
import { type RandomProgram, randomProgram } from '../conformance/random-program.ts'
import { randomTensor } from '../conformance/random-tensor.ts'
import { Seeded } from '../conformance/seeded.ts'
import type { Executor } from '../executor.ts'
import type { Node } from '../node.ts'
import type { Tensor } from '../program.ts'
import { referenceExecutor } from '../reference.ts'
import { size } from '../shape.ts'
import { createWasmExecutor } from './executor.ts'

const nightly = process.env.LOCKSTEP_NIGHTLY === '1'
const quick = process.env.LOCKSTEP_QUICK === '1'
const PROGRAMS = nightly ? 20_000 : 50
const NETWORKS = nightly ? 1000 : quick ? 10 : 25
const CONTRACTIONS = nightly ? 5000 : quick ? 20 : 80

const executors: Executor[] = [
  await createWasmExecutor(),
  await createWasmExecutor({ relaxed: 'off' }),
  await createWasmExecutor({ threads: 2, shareFrom: 0 }),
  await createWasmExecutor({ fuse: { share: false, inline: false, group: false } }),
  await createWasmExecutor({ relaxed: 'off', threads: 2, shareFrom: 0, fuse: { inline: false } }),
  ...(nightly ? [await createWasmExecutor({ threads: 4, shareFrom: 0 })] : []),
]
after(() => Promise.all(executors.map((e) => e.close())))

const same = (got: readonly Tensor[], expected: readonly Tensor[], what: string): void => {
  assert.equal(got.length, expected.length, what)
  expected.forEach((t, i) => {
    if (Buffer.compare(got[i]!.data, t.data) === 0) return
    const at = t.data.findIndex((b, k) => got[i]!.data[k] !== b) & ~3
    const show = (x: Tensor): string => Buffer.from(x.data.slice(at, at + 4)).toString('hex')
    assert.fail(`${what} ${i} [${t.dtype} ${t.shape}] at byte ${at}: ${show(got[i]!)}, not ${show(t)}`)
  })
}

const compare = async ({ program, state, inputs }: RandomProgram, name: string): Promise<void> => {
  const expected = await referenceExecutor.compile(program, inputs)
  expected.load(state)
  const nodes = await expected.trace()
  const [state1, outputs1] = [expected.state(), expected.outputs()]
  const more = program.state.length > 0 ? 2 : 0 // without state every step is the same
  await expected.step(more)
  for (const executor of executors) {
    const what = `${name}, ${executor.name}:`
    const nothing = inputs.map((t) => ({ ...t, data: new Uint8Array(t.data.length) }))
    const runner = await executor.compile(program, nothing)
    runner.give(inputs)
    runner.load(state)
    same(await runner.trace(), nodes, `${what} node`)
    same(runner.state(), state1, `${what} state after a trace`)
    same(runner.outputs(), outputs1, `${what} output after a trace`)
    runner.load(state)
    await runner.step()
    same(runner.state(), state1, `${what} state after a step`)
    same(runner.outputs(), outputs1, `${what} output after a step`)
    await runner.step(more)
    same(runner.state(), expected.state(), `${what} state after three steps`)
    same(runner.outputs(), expected.outputs(), `${what} output after three steps`)
    runner.close()
  }
}

test(`${PROGRAMS} random programs give the reference's bits, stepped and traced`, async () => {
  for (let seed = 1; seed <= PROGRAMS; seed++) await compare(randomProgram(seed), `seed ${seed}`)
})

test(`${NETWORKS} random networks give the reference's bits, and passes find work in most of them`, async () => {
  let fewer = 0
  let hiding = 0
  for (let seed = 1; seed <= NETWORKS; seed++) {
    const network = randomNetwork(seed)
    const [whole, fused] = [prune(asWritten(network.program)), planProgram(network.program)]
    if (fused.program.nodes.length < whole.program.nodes.length) fewer++
    if (fused.hidden.size > 0) hiding++
    await compare(network, `network ${seed}`)
  }
  assert.ok(fewer > 0.8 * NETWORKS, `maps were inlined in ${fewer}`)
  assert.ok(hiding > 0.5 * NETWORKS, `groups kept tensors to themselves in ${hiding}`)
})

test(`${CONTRACTIONS} matrix products and convolutions give the reference's bits`, async () => {
  for (let seed = 1; seed <= CONTRACTIONS; seed++) await compare(randomContraction(seed), `seed ${seed}`)
})

test('a blocked fold of more than 65,536 steps combines in levels', async () => {
  const r = new Seeded(5)
  for (const box of [[65536], [65537], [257, 256], [131072 + 300]]) {
    const points = size(box)
    const input = { name: 'x', dtype: 'f32' as const, shape: [points, 1] }
    const node: Node = {
      kind: 'fold',
      dtype: 'f32',
      shape: [2],
      box,
      reads: [
        {
          ref: { from: 'input', index: 0 },
          dtype: 'f32',
          view: box,
          coords: box.map((_, i) => ({ base: 0, terms: [{ at: i + 1, by: 1 }] })),
        },
      ],
      guards: [],
      step: { args: ['f', 'f'], code: [{ op: 'fadd', args: [0, 1] }], result: 2 },
      order: {
        kind: 'blocked',
        init: 0x80000000,
        combine: { args: ['f', 'f'], code: [{ op: 'fma', args: [0, 1, 0] }], result: 2 },
      },
    }
    const outputs = [{ name: 'y', ref: { from: 'node' as const, index: 0 } }]
    const program = { state: [], inputs: [input], nodes: [node], next: [], outputs }
    await compare({ program, state: [], inputs: [randomTensor(r, input)] }, `box ${box}`)
  }
})

test('an executor that cannot keep a promise says so', async () => {
  await assert.rejects(createWasmExecutor({ threads: 0 }), /threads is 0; allowed: 1 to 256/)
})

test('a closed runner refuses to step; closing twice is harmless', async () => {
  const { program, state, inputs } = randomProgram(1)
  const runner = await executors[0]!.compile(program, inputs)
  runner.load(state)
  runner.close()
  runner.close()
  await assert.rejects(runner.step(), /the runner is closed/)
})

test('programs of one executor do not disturb each other', async () => {
  const cases = [randomProgram(11), randomProgram(12), randomProgram(13)]
  const [executor] = [executors[2]!]
  const runners = await Promise.all(cases.map((c) => executor.compile(c.program, c.inputs)))
  runners.forEach((r, i) => {
    r.load(cases[i]!.state)
  })
  for (let step = 0; step < 3; step++) await Promise.all(runners.map((r) => r.step()))
  for (const [i, { program, state, inputs }] of cases.entries()) {
    const expected = await referenceExecutor.compile(program, inputs)
    expected.load(state)
    await expected.step(3)
    same(runners[i]!.state(), expected.state(), `program ${i}`)
    runners[i]!.close()
  }
})
