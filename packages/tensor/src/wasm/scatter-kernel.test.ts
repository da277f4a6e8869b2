import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { randomTensor } from '../conformance/random-tensor.ts'
import { Seeded } from '../conformance/seeded.ts'
import { equals, fold } from '../front/fold.ts'
import type { Grid } from '../front/grid.ts'
import { traceProgram } from '../front/trace-program.ts'
import type { Program, Tensor } from '../program.ts'
import { referenceExecutor } from '../reference.ts'
import { createWasmExecutor } from './executor.ts'

const executors = [
  await createWasmExecutor(),
  await createWasmExecutor({ threads: 2, shareFrom: 0 }),
  await createWasmExecutor({ relaxed: 'off', fuse: { group: false } }),
]
after(() => Promise.all(executors.map((e) => e.close())))

/** Rows put at, or added to, places of a state that words name: of the last dimension or of the one before it. */
const putProgram = (r: Seeded): Program => {
  const [texts, groups, width, capacity, rows] = [6, 2, 9, 11, 3].map((most) => r.between(1, most)) as [
    number,
    number,
    number,
    number,
    number,
  ]
  const last = r.chance(50)
  const by = r.pick(['text', 'text', 'row', 'place'] as const)
  const adds = r.chance(50)
  const shape = last ? [texts, groups, width, capacity] : [texts, groups, capacity, width]
  return traceProgram(
    {
      state: { cache: { dtype: 'f32', shape } },
      inputs: {
        fresh: { dtype: 'f32', shape: [texts, rows, groups, width] },
        places: { dtype: 'u32', shape: by === 'row' ? [rows] : [by === 'text' ? texts : capacity, rows] },
      },
    },
    ({ cache }, { fresh, places }) => {
      const [old, x, words] = [cache as Grid<'f'>, fresh as Grid<'f'>, places as Grid<'u'>]
      const next = fold({
        shape,
        box: [rows],
        register: 'f',
        order: 'chain',
        init: (out) => old.at(...out),
        reads: ([b, g, ...i], [t]) => [x.at(b!, t!, g!, i[last ? 0 : 1]!)],
        guards: (i, [t]) => {
          const place = i[last ? 3 : 2]!
          return [equals(by === 'row' ? words.at(t!) : words.at(by === 'text' ? i[0]! : place, t!), place)]
        },
        step: (sum, value) => (adds ? sum.add(value) : value),
      })
      return { state: { cache: next }, outputs: {} }
    },
  )
}

/** Any NaN in some places: what is loaded need not come from a step. */
const withNaNs = (r: Seeded, tensor: Tensor): Tensor => {
  const words = new Uint32Array(tensor.data.slice().buffer)
  words.forEach((_, i) => {
    if (r.chance(20)) words[i] = r.pick([0x7f800001, 0xffc12345, 0xff800001, 0x7fc00001])
  })
  return { ...tensor, data: new Uint8Array(words.buffer) }
}

test('100 random puts into a state give the bits of the reference step after step, for any number of texts', async () => {
  for (let seed = 1; seed <= 100; seed++) {
    const r = new Seeded(seed)
    const program = putProgram(r)
    const inputs = program.inputs.map((type) => randomTensor(r, type, 11))
    const loaded = [0, 1].map(() => program.state.map((type) => withNaNs(r, randomTensor(r, type))))
    const expected = await referenceExecutor.compile(program, inputs)
    for (const executor of executors) {
      const runner = await executor.compile(program, inputs)
      for (const state of loaded) {
        expected.load(state)
        runner.load(state)
        for (let step = 1; step <= 3; step++) {
          await expected.step()
          await runner.step()
          const what = `seed ${seed}, ${executor.name}, step ${step}`
          assert.deepEqual(runner.state(), expected.state(), what)
        }
      }
      runner.close()
    }
  }
})

test('a put whose state nobody reads afterwards has one place in memory; one whose old value is read has two', async () => {
  const shape = [2, 64, 256]
  const bytes = 4 * 2 * 64 * 256
  const peakOf = async (readsOld: boolean): Promise<number> => {
    const program = traceProgram(
      {
        state: { cache: { dtype: 'f32', shape } },
        inputs: { fresh: { dtype: 'f32', shape: [2, 64] }, place: { dtype: 'u32', shape: [2] } },
      },
      ({ cache }, { fresh, place }) => {
        const [old, x, words] = [cache as Grid<'f'>, fresh as Grid<'f'>, place as Grid<'u'>]
        const next = fold({
          shape,
          box: [1],
          register: 'f',
          order: 'chain',
          init: (out) => old.at(...out),
          reads: ([b, d]) => [x.at(b!, d!)],
          guards: ([b, , s]) => [equals(words.at(b!), s!)],
          step: (_, value) => value,
        })
        return { state: { cache: next }, outputs: readsOld ? { old } : {} }
      },
    )
    const inputs = program.inputs.map((type) => randomTensor(new Seeded(1), type))
    const runner = await executors[0]!.compile(program, inputs)
    const { peak } = runner.memory()
    runner.close()
    return peak
  }
  assert.ok((await peakOf(false)) < 1.1 * bytes)
  assert.ok((await peakOf(true)) > 1.9 * bytes)
})
