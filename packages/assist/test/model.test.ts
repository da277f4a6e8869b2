import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { f32Tensor, f32Values } from '@lockstep/models'
import { createWasmExecutor, referenceExecutor, type Tensor } from '@lockstep/tensor'
import {
  type AssistModel,
  bitsOf,
  checkUpdate,
  createReader,
  type Episode,
  openSuggester,
  PROSE,
  programsOf,
  textMemory,
  textSymbols,
  update,
  updateInputs,
  withId,
} from '../src/index.ts'

const model: AssistModel = {
  network: {
    kind: 'gpt',
    config: { vocab: 272, context: 128, width: 16, layers: 2, heads: 2, dropout: 0, inner: 32 },
  },
  features: 4,
  rate: 3e-3,
}
const executor = await createWasmExecutor({ threads: 1 })
after(() => executor.close())
const fresh = () => textMemory(272)
const { parameters: types, first } = programsOf(model)
const begin = first(1)

const episodeOf = async (began: number, texts: readonly string[]): Promise<Episode> =>
  withId({
    ...{ version: 1, environment: 'text', bytes: true, began, redacted: false },
    events: [
      ...texts.map((text, i) => ({
        ...({ kind: 'acted', at: i } as const),
        ...(i === 0 ? { context: Uint16Array.of(PROSE) } : {}),
        symbols: textSymbols(text),
      })),
    ],
  })
const words = ['the whale swam on, ', 'and the ship went after the whale, ', 'and the sea was calm. ']

test('a network that says nothing leaves the memory as it is', async () => {
  const silent = begin.map((tensor, i) =>
    types[i]!.name === 'norm.gain' || types[i]!.name === 'norm.bias'
      ? f32Tensor(tensor.shape, new Float32Array(tensor.data.length / 4))
      : tensor,
  )
  const memory = fresh()
  const text = textSymbols(words.join(''))
  memory.learn(new Uint16Array(0), text, 1)
  const reader = await createReader(executor, model, silent)
  const context = textSymbols('and the ')
  const view = memory.view(context)
  const logs = await reader.logs(context, view)
  for (const [symbol, log] of logs.entries())
    assert.ok(Math.abs(log - Math.log(view.p[symbol]!)) < 1e-4, `${symbol}: ${log}`)
  reader.close()
})

test('reading on, back, and along a window that slides gives what reading all anew gives', async () => {
  const [kept, anew] = [
    await createReader(executor, model, begin),
    await createReader(executor, model, begin),
  ]
  const text = textSymbols(words.join('').repeat(4))
  const view = fresh().view(text)
  const ask = async (context: Uint16Array): Promise<void> => {
    anew.give(begin)
    const [a, b] = [await kept.logs(context, view), await anew.logs(context, view)]
    assert.equal(a.indexOf(Math.max(...a)), b.indexOf(Math.max(...b)))
    for (const [s, log] of a.entries()) assert.ok(Math.abs(log - b[s]!) < 1e-4)
  }
  for (const end of [1, 2, 3, 9, 30, 28, 31, 50, 49, 64]) await ask(text.subarray(0, end))
  for (const end of [64, 65, 66, 80]) {
    const window = text.subarray(end - 64, end)
    // A window that has slid sees more than is asked of it where that was read before: only its own end is compared.
    assert.equal((await kept.logs(window, view)).length, 272)
  }
  kept.close()
  anew.close()
})

test('the reference gives the bits that wasm gives', async () => {
  const context = textSymbols('the whale swam')
  const memory = fresh()
  memory.learn(new Uint16Array(0), context, 1)
  const said = await Promise.all(
    [referenceExecutor, executor].map(async (on) => {
      const reader = await createReader(on, model, begin)
      const logs = [8, 9, 10].map((end) => context.subarray(0, end))
      const found: Float32Array[] = []
      for (const some of logs) found.push((await reader.logs(some, memory.view(some))).slice())
      reader.close()
      return found
    }),
  )
  assert.deepEqual(said[0], said[1])
})

test('an update makes what was done likelier, its receipt is true, and a false one is named', async () => {
  const episodes = [await episodeOf(1, words), await episodeOf(2000, words.toReversed())]
  const given = (await updateInputs(executor, model, begin, episodes, 7, fresh()))!
  const ids = episodes.map(({ id }) => id)
  const done = (await update(executor, model, begin, given, 24, ids))!
  const bits = (parameters: readonly Tensor[]): Promise<number> =>
    bitsOf(executor, model, parameters, [], episodes, fresh())
  const [before, after] = [await bits(begin), await bits(done.parameters)]
  assert.ok(after < before - 0.05, `${before} to ${after}`)
  assert.deepEqual(await checkUpdate(executor, model, begin, done.receipt, episodes, 7, fresh()), [])
  const changed = begin.map((tensor, i) =>
    i === 0
      ? f32Tensor(
          tensor.shape,
          f32Values(tensor).map((x, j) => (j === 5 ? x + 0.25 : x)),
        )
      : tensor,
  )
  assert.deepEqual(await checkUpdate(executor, model, changed, done.receipt, episodes, 7, fresh()), [
    'before',
    'after',
  ])
  assert.deepEqual(await checkUpdate(executor, model, begin, done.receipt, episodes.slice(1), 7, fresh()), [
    'episodes',
    'inputs',
    'after',
  ])
})

test('a suggester offers what the person always does, forgets it, and gives way to a later question', async () => {
  const suggester = await openSuggester({ executor, model, memory: fresh, parameters: begin })
  const habit = {
    context: new Uint16Array(0),
    symbols: textSymbols('kind regards from Nantucket '.repeat(6)),
    at: 1,
  }
  await suggester.remember(habit)
  const ask = { most: 12, least: -40 }
  const context = textSymbols('with kind reg')
  const found = (await suggester.suggest(context, ask))!
  assert.equal(String.fromCharCode(...found.symbols), 'ards from Na')
  const [late, current] = await Promise.all([
    suggester.suggest(context, ask),
    suggester.suggest(context, ask),
  ])
  assert.equal(late, undefined)
  assert.deepEqual(current, found)
  await suggester.forget(habit)
  assert.notDeepEqual((await suggester.suggest(context, ask))!.symbols, found.symbols)
  const state = await suggester.state()
  await suggester.load(state)
  assert.deepEqual(await suggester.state(), state)
  await suggester.close()
})

test('a training that rests between its parts comes to the same bytes, and can be stopped at each of them', async () => {
  const suggester = await openSuggester({ executor, model, memory: fresh, parameters: begin })
  const episodes = [await episodeOf(1, words), await episodeOf(2000, words.toReversed())]
  const lessons = { episodes, heldOut: [await episodeOf(4000, words)], steps: 3, seed: 7 }
  const atOnce = (await suggester.learn(lessons))!
  let parts = 0
  const resting = await suggester.learn({
    ...lessons,
    between: async () => {
      parts++
      // The suggester is used meanwhile, and sometimes there is a longer rest.
      await suggester.suggest(textSymbols('the wh').subarray(0, 1 + (parts % 6)), { most: 2, least: -40 })
      for (let turn = 0; turn < parts % 3; turn++) await new Promise(setImmediate)
      return true
    },
  })
  assert.deepEqual(resting, atOnce)
  // Before, between and after its steps: two episodes to learn from, three steps, the exam, and what it was before and after.
  assert.ok(parts >= 2 + 3 + 1 + 2, String(parts))
  for (let last = 1; last <= parts; last++) {
    let left = last
    assert.equal(await suggester.learn({ ...lessons, between: async () => --left > 0 }), undefined)
  }
  await suggester.close()
})
