import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createWasmExecutor } from '@lockstep/tensor'
import { countSuggester } from '../../test/count-suggester.ts'
import { createAssistant } from '../assistant/create-assistant.ts'
import { textEnvironment, textSymbols } from '../environment/text.ts'
import { withId } from '../episode/episode.ts'
import { memoryStorage } from '../episode/storage.ts'
import { learnedAcceptance } from '../offering/learned-acceptance.ts'
import { listen, type Port } from './port.ts'
import { createBreath, type Model, serveModel } from './serve-model.ts'
import { workerModel } from './worker-model.ts'

const open = async (): Promise<Model> => ({
  suggester: countSuggester(),
  acceptance: await learnedAcceptance(await createWasmExecutor()),
})

/** Two ends of a line on which messages travel as between threads. */
const line = (t: TestContext): readonly [Port, Port] => {
  const { port1, port2 } = new MessageChannel()
  t.after(() => port1.close())
  return [port1 as unknown as Port, port2 as unknown as Port]
}

const lessons = (text: string) => {
  const events = [{ kind: 'acted' as const, at: 0, symbols: textSymbols(text) }]
  const one = withId({ version: 1, environment: 'text', bytes: true, began: 0, redacted: false, events })
  return { episodes: [one], heldOut: [one], steps: 3, seed: 1 }
}

test('a model behind a line says what it says here', async (t) => {
  const [page, worker] = line(t)
  serveModel(worker, open)
  const [there, here] = [await workerModel(page), await open()]
  assert.equal(there.suggester.symbols, here.suggester.symbols)
  const told = async ({ suggester, acceptance }: Model) => {
    await suggester.remember({ context: textSymbols(''), symbols: textSymbols('the quick fox'), at: 1 })
    const features = {
      log: -1,
      mean: -1,
      worst: -1,
      length: 3,
      saved: 2,
      matched: 2,
      pause: 1,
      since: 3,
      recent: 0.5,
      shown: 1,
    }
    await acceptance.learn([{ features, wanted: true }])
    const probabilities = await acceptance.probabilities([features])
    const suggestion = await suggester.suggest(textSymbols('the qu'), { most: 5, least: -9 })
    const learned = await suggester.learn(lessons('aaab'))
    await suggester.load(learned!.state)
    const { episodes, heldOut } = lessons('bbb')
    const bits = await suggester.evaluate({ after: episodes, on: heldOut })
    return { bits, probabilities, suggestion, learned, state: await suggester.state() }
  }
  assert.deepEqual(await told(there), await told(here))
})

test('a training asks between its steps whether to go on', async (t) => {
  const [page, worker] = line(t)
  serveModel(worker, open)
  const { suggester } = await workerModel(page)
  let asked = 0
  assert.equal(await suggester.learn({ ...lessons('ab'), between: async () => ++asked < 2 }), undefined)
  assert.equal(asked, 2)
  assert.equal(
    await suggester.learn({ ...lessons('ab'), between: async () => Promise.reject(new Error('no')) }),
    undefined,
  )
})

test('what fails in the worker fails here, with its words', async (t) => {
  const [page, worker] = line(t)
  serveModel(worker, async () => {
    const model = await open()
    return {
      ...model,
      suggester: { ...model.suggester, state: async () => Promise.reject(new Error('no state')) },
    }
  })
  const { suggester } = await workerModel(page)
  await assert.rejects(suggester.state(), /worker-failed.*no state/)
  assert.ok(await suggester.suggest(textSymbols('x'), { most: 1, least: -9 }))
  const [other, dead] = line(t)
  serveModel(dead, async () => Promise.reject(new Error('no base')))
  await assert.rejects(workerModel(other), /no base/)
})

test('what a key asks for travels in one message, and nothing is cancelled that nobody waits for', async (t) => {
  const [page, worker] = line(t)
  serveModel(worker, open)
  const sent: unknown[] = []
  const counted: Port = {
    postMessage: (message) => {
      sent.push(message)
      page.postMessage(message)
    },
    get onmessage() {
      return page.onmessage
    },
    set onmessage(heard) {
      page.onmessage = heard
    },
  }
  const { suggester } = await workerModel(counted)
  const [first, second] = [textSymbols('the quick fox'), textSymbols('the q')]
  suggester.cancel()
  const told = suggester.remember({ context: textSymbols(''), symbols: first, at: 1 })
  const found = suggester.suggest(second, { most: 4, least: -9 })
  await told
  assert.deepEqual([...(await found)!.symbols], [...textSymbols('uick')])
  assert.deepEqual(
    sent.map((asks) => (asks as { kind: string }[]).map(({ kind }) => kind)),
    [['call', 'call']],
  )
  // A suggestion under way is cancelled.
  const under = suggester.suggest(second, { most: 4, least: -9 })
  suggester.cancel()
  assert.equal(await under, undefined)
})

test('what cannot be sent fails, and says so', async (t) => {
  const [page, worker] = line(t)
  serveModel(worker, open)
  const { suggester } = await workerModel(page)
  const unsendable = (() => undefined) as unknown as Uint16Array
  await assert.rejects(
    suggester.remember({ context: unsendable, symbols: textSymbols('x'), at: 1 }),
    /worker-failed.*could not be sent/,
  )
})

test('a breath lets what lies there be heard first', async () => {
  const { breathe, close } = createBreath()
  const { port1, port2 } = new MessageChannel()
  const heard = new Promise((resolve) => {
    listen(port1 as unknown as Port, () => resolve('heard'))
  })
  port2.postMessage(0)
  await breathe()
  await breathe()
  assert.equal(await heard, 'heard')
  port1.close()
  close()
})

test('an assistant works with a model behind a line', async (t) => {
  const [page, worker] = line(t)
  serveModel(worker, open)
  const model = await workerModel(page)
  const environment = textEnvironment()
  const clock = () => 1000
  const assistant = await createAssistant({ environment, ...model, storage: memoryStorage(), clock })
  let before = ''
  for (const typed of 'some words come again. some words come ag') {
    await assistant.acted({ before, after: '', kind: 'prose' }, { typed })
    before += typed
  }
  const offer = await assistant.offer({ before, after: '', kind: 'prose' })
  assert.deepEqual(offer?.action, { typed: 'ain. ' })
  await assistant.close()
})
