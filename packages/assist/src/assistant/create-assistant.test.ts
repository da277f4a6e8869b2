import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createWasmExecutor } from '@lockstep/tensor'
import fc from 'fast-check'
import { countSuggester } from '../../test/count-suggester.ts'
import { type TextState, textEnvironment } from '../environment/text.ts'
import { decodeEpisode } from '../episode/episode.ts'
import { comparisonsOf, passagesOf } from '../episode/passages.ts'
import { memoryStorage } from '../episode/storage.ts'
import type { Acceptance } from '../offering/acceptance.ts'
import { learnedAcceptance } from '../offering/learned-acceptance.ts'
import type { Assistant, Offer } from './assistant.ts'
import { createAssistant } from './create-assistant.ts'
import type { Settings } from './settings.ts'

const executor = await createWasmExecutor()
const acceptance = await learnedAcceptance(executor)
after(() => acceptance.close())

/** An acceptance that is as sure of everything as can be. */
const eager: Acceptance = {
  probabilities: async (features) => new Float32Array(features.length).fill(1),
  learn: async () => {},
  close: async () => {},
}

type Writer = Assistant<TextState, { readonly typed: string } | { readonly deleted: number }>
const environment = textEnvironment()

/** An assistant and a text that is written with it. */
const desk = async (
  settings: Partial<Settings> = {},
  {
    storage = memoryStorage(),
    judge = eager,
    waits,
  }: { storage?: ReturnType<typeof memoryStorage>; judge?: Acceptance; waits?: () => Promise<void> } = {},
) => {
  let now = 1_700_000_000_000
  let text = ''
  const suggester = countSuggester(waits && { waits })
  const options = { environment, suggester, acceptance: judge, storage, clock: () => now, settings }
  const assistant: Writer = await createAssistant(options)
  const state = (): TextState => ({ before: text, after: '', kind: 'prose' })
  return {
    ...{ assistant, suggester, storage, state },
    wait: (ms: number) => {
      now += ms
    },
    get text() {
      return text
    },
    type: async (typed: string) => {
      for (const key of typed) {
        now += 100
        const before = state()
        text = key === '<' ? text.slice(0, -1) : text + key
        await assistant.acted(before, key === '<' ? { deleted: 1 } : { typed: key })
      }
    },
    take: async (offer: Offer<{ readonly typed: string } | { readonly deleted: number }>) => {
      text += 'typed' in offer.action ? offer.action.typed : ''
      await assistant.accepted(offer)
    },
    offer: () => assistant.offer(state()),
  }
}
const typedBy = (offer: Offer<{ readonly typed: string } | { readonly deleted: number }> | undefined) =>
  offer && 'typed' in offer.action ? offer.action.typed : undefined

test('what was written once is offered again, and taking it is written down', async () => {
  const one = await desk({ patience: 100 })
  await one.type('the quick brown fox. the qu')
  const offer = await one.offer()
  assert.ok(offer)
  assert.equal(typedBy(offer)?.startsWith('ick '), true)
  const { value, probability, saved, attention, price, features } = one.assistant.explain(offer)!
  assert.equal(value, probability * saved - attention - price * (1 - probability))
  assert.equal(features.length, offer.symbols.length)
  await one.take(offer)
  const id = await one.assistant.episodes.end()
  const episode = (await one.assistant.episodes.get(id!))!
  const [passage] = passagesOf(episode)
  assert.equal(new TextDecoder().decode(Uint8Array.from(passage!.symbols)), one.text)
  const { offered, accepted, unwanted } = one.assistant.metrics()
  assert.deepEqual(
    { offered, accepted, unwanted, saved: one.assistant.metrics().saved },
    { offered: 1, accepted: 1, unwanted: 0, saved },
  )
  assert.equal(one.assistant.metrics().acceptRate, 1)
})

test('an offer stays while it is typed along, is less each time, and ends with another key', async () => {
  const one = await desk({ patience: 100 })
  await one.type('the quick. the qu')
  const first = await one.offer()
  await one.type('i')
  const second = await one.offer()
  assert.equal(second!.id, first!.id)
  assert.equal(typedBy(second), typedBy(first)!.slice(1))
  assert.equal(second!.saved, first!.saved - 1)
  await one.type('x')
  assert.notEqual((await one.offer())?.id, first!.id)
  assert.equal(one.assistant.metrics().unwanted, 1)
  assert.equal(one.assistant.metrics().offered >= 1, true)
  await one.assistant.accepted(second!)
  assert.equal(one.assistant.metrics().accepted, 0)
})

test('what was sent away does not come back before the next action', async () => {
  const one = await desk({ patience: 100 })
  await one.type('the quick. the qu')
  const offer = await one.offer()
  await one.assistant.dismissed(offer!)
  assert.equal(await one.offer(), undefined)
  await one.type('i')
  assert.ok(await one.offer())
})

test('what is undone counts as unwanted, and teaches what was done instead', async () => {
  const one = await desk({ patience: 100 })
  await one.type('the quick. the qu')
  const offer = (await one.offer())!
  const before = one.text.length
  await one.take(offer)
  await one.assistant.undone(offer)
  await one.type('<'.repeat(one.text.length - before))
  await one.type('een is here.')
  assert.equal(one.assistant.metrics().unwanted, 1)
  assert.equal(one.assistant.metrics().saved, 0)
  const episode = (await one.assistant.episodes.get((await one.assistant.episodes.end())!))!
  const [comparison] = comparisonsOf(episode)
  assert.equal(comparison!.wanted, false)
  assert.deepEqual(
    comparison!.did,
    new Uint16Array(new TextEncoder().encode('een is here.'.slice(0, offer.symbols.length))),
  )
  assert.equal(
    new TextDecoder().decode(Uint8Array.from(passagesOf(episode)[0]!.symbols)),
    'the quick. the queen is here.',
  )
})

test('patience cannot be exceeded, whatever the model says and the person does', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(4),
      fc.array(fc.constantFrom('a', 'ab. ', 'b', '<', 'take', 'away', 'undo', 'edit', 'jump'), {
        minLength: 150,
        maxLength: 400,
        size: 'max',
      }),
      async (patience, doings) => {
        const one = await desk({ patience, attention: 0, least: 0 })
        let actions = 0
        const offers: { id: string; at: number; actions: number; taken?: number; unwanted: boolean }[] = []
        let last: Offer<{ readonly typed: string } | { readonly deleted: number }> | undefined
        await one.type('ab. ab. ab. ab. ')
        actions = 16
        for (const doing of doings) {
          const offer = await one.offer()
          if (offer && offers.at(-1)?.id !== offer.id)
            offers.push({ id: offer.id, at: actions, actions, unwanted: true })
          const noted = offers.find(({ id }) => id === last?.id)
          if (doing === 'take' && offer) {
            await one.take(offer)
            last = offer
            actions++
            const mine = offers.find(({ id }) => id === offer.id)!
            mine.unwanted = false
            mine.taken = actions - 1
          } else if (doing === 'away' && offer) await one.assistant.dismissed(offer)
          else if (doing === 'undo' && last) {
            await one.assistant.undone(last)
            if (noted?.taken !== undefined && actions - noted.taken <= 5) noted.unwanted = true
          } else if (doing === 'edit' && last) {
            await one.assistant.edited(last)
            if (noted?.taken !== undefined && actions - noted.taken <= 5) noted.unwanted = true
          } else if (/^[ab.< ]+$/.test(doing)) {
            await one.type(doing)
            actions += doing.length
          }
        }
        for (const { at } of offers) {
          const within = offers.filter((other) => other.unwanted && other.at >= at && other.at < at + 100)
          assert.ok(within.length <= patience, `${within.length} of ${patience}`)
        }
        assert.ok(one.assistant.metrics().worstHundred <= patience)
        if (patience === 0) assert.equal(one.assistant.metrics().offered, 0)
      },
    ),
    { numRuns: 12 },
  )
})

test('an episode that is deleted leaves nothing: not in storage, memory, outcomes or versions', async () => {
  const run = async (doomed: boolean) => {
    const one = await desk({ patience: 100, every: 100, steps: 1 }, { judge: acceptance })
    const { assistant } = one
    await one.type(`${'alpha beta gamma. '.repeat(20)}`)
    const first = await assistant.episodes.end()
    let id: string | undefined
    if (doomed) {
      one.wait(1000)
      await one.type('zulu secret. zulu sec')
      const offer = await one.offer()
      if (offer) await one.assistant.dismissed(offer)
      await one.type('zulu yankee xray. '.repeat(20))
      id = await assistant.episodes.end()
      const outcome = await assistant.learn()
      assert.equal(outcome.applied, true)
      assert.equal(assistant.versions.current().learnedFrom.includes(id!), true)
      await assistant.episodes.delete(id!)
    }
    return { one, first, id }
  }
  const [kept, deleted] = [await run(false), await run(true)]
  assert.equal(deleted.one.suggester.dump(), kept.one.suggester.dump())
  assert.deepEqual(await deleted.one.suggester.state(), await kept.one.suggester.state())
  assert.equal(deleted.one.assistant.versions.current().origin, 'base')
  assert.equal(await deleted.one.assistant.episodes.get(deleted.id!), undefined)
  for (const key of await deleted.one.storage.list('')) {
    const bytes = (await deleted.one.storage.get(key))!
    const text = new TextDecoder('latin1').decode(bytes)
    assert.ok(!key.includes(deleted.id!) && !text.includes(deleted.id!), key)
    if (key.startsWith('episodes/')) assert.equal(decodeEpisode(bytes).ok, true)
  }
  assert.deepEqual(await deleted.one.storage.list('episodes/'), await kept.one.storage.list('episodes/'))
  assert.equal(new TextDecoder().decode((await deleted.one.storage.get('outcomes'))!), '[]')
})

test('the episode under way can be deleted, too', async () => {
  const one = await desk({ patience: 100 })
  await one.type('alpha beta. alpha bet<<')
  await one.assistant.episodes.delete('open')
  assert.equal(one.suggester.dump(), '')
  assert.deepEqual(await one.assistant.episodes.list(), [])
  await one.type('x')
  assert.equal((await one.assistant.episodes.list()).length, 1)
})

test('what is taken back is forgotten, a part of a paste too', async () => {
  const [one, two] = [await desk(), await desk()]
  const state = (before: string): TextState => ({ before, after: '', kind: 'prose' })
  await one.assistant.acted(state(''), { typed: 'alpha beta' })
  await one.assistant.acted(state('alpha beta'), { deleted: 3 })
  await one.assistant.acted(state('alpha b'), { typed: 'us' })
  await two.assistant.acted(state(''), { typed: 'alpha b' })
  await two.assistant.acted(state('alpha b'), { typed: 'us' })
  assert.equal(one.suggester.dump(), two.suggester.dump())
  await one.assistant.episodes.delete('open')
  assert.equal(one.suggester.dump(), '')
})

test('an offer is not made for what was seen before the last key, however long it was judged', async () => {
  let go = (): void => {}
  const judge: Acceptance = {
    ...eager,
    probabilities: async (features) => {
      await new Promise<void>((resolve) => (go = resolve))
      return new Float32Array(features.length).fill(1)
    },
  }
  const one = await desk({ patience: 100 }, { judge })
  await one.type('the quick. the qu')
  const asked = one.offer()
  await new Promise((resolve) => setImmediate(resolve))
  await one.type('i')
  go()
  assert.equal(await asked, undefined)
})

test('an update is applied only if it is better on what was done last', async () => {
  const one = await desk({ steps: 1, heldOut: 0.5 })
  await one.type('a'.repeat(200))
  await one.type('z'.repeat(200))
  const before = await one.suggester.state()
  const worse = await one.assistant.learn()
  assert.deepEqual([worse.applied, 'why' in worse && worse.why], [false, 'no better'])
  assert.deepEqual(await one.suggester.state(), before)
  assert.equal(one.assistant.versions.list().length, 1)
  await one.type('z'.repeat(600))
  const better = await one.assistant.learn()
  assert.equal(better.applied, true)
  assert.notDeepEqual(await one.suggester.state(), before)
  const trained = await one.suggester.state()
  const [current, base] = one.assistant.versions.list()
  await one.assistant.versions.rollback(base!.id)
  assert.deepEqual(await one.suggester.state(), before)
  await one.assistant.versions.rollback(current!.id)
  assert.deepEqual(await one.suggester.state(), trained)
})

test('a base of others is taken only if it is better here', async () => {
  const one = await desk({ steps: 1 })
  await one.type('aaaa aaaa '.repeat(30))
  const own = await one.suggester.state()
  const counts = (symbol: string): Uint8Array => {
    const weights = new Uint32Array(272)
    weights[symbol.charCodeAt(0)] = 500
    return new Uint8Array(weights.buffer)
  }
  assert.equal((await one.assistant.adopt({ state: counts('z'), lineage: 'round 1' })).applied, false)
  assert.deepEqual(await one.suggester.state(), own)
  assert.equal((await one.assistant.adopt({ state: counts('a'), lineage: 'round 2' })).applied, true)
  assert.deepEqual(await one.suggester.state(), counts('a'))
  assert.equal(one.assistant.versions.current().lineage, 'round 2')
})

test('all is there the next time', async () => {
  const storage = memoryStorage()
  const one = await desk({ patience: 100, steps: 1 }, { storage })
  await one.type('the quick brown fox. '.repeat(20))
  assert.equal((await one.assistant.learn()).applied, true)
  await one.type('the quick')
  await one.assistant.set({ patience: 7 })
  await one.assistant.close()
  await assert.rejects(one.offer(), /assistant-closed/)
  const two = await desk({}, { storage })
  assert.equal(two.suggester.dump(), one.suggester.dump())
  assert.deepEqual(await two.suggester.state(), await one.suggester.state())
  assert.deepEqual(two.assistant.metrics(), one.assistant.metrics())
  assert.equal(two.assistant.settings().patience, 7)
  assert.equal((await two.assistant.episodes.list()).length, 2)
})

test('what is damaged in the storage does not keep the rest from being used', async () => {
  const storage = memoryStorage()
  const one = await desk({ steps: 1 }, { storage })
  const base = await one.suggester.state()
  await one.type('the quick brown fox. '.repeat(20))
  assert.equal((await one.assistant.learn()).applied, true)
  const { id } = one.assistant.versions.current()
  await one.assistant.close()
  await storage.put(`versions/${id}.state`, Uint8Array.of(1))
  await storage.put('episodes/open', Uint8Array.of(1))
  await storage.put('episodes/0', Uint8Array.of(1))
  for (const key of ['outcomes', 'metrics', 'settings']) await storage.put(key, Uint8Array.of(1))
  const two = await desk({}, { storage })
  assert.equal(two.assistant.versions.current().origin, 'base')
  assert.deepEqual(await two.suggester.state(), base)
  assert.equal((await two.assistant.episodes.list()).length, 1)
  await two.type('the qui')
  await two.assistant.close()
})

test('a new key cancels the offer under way, and one that comes late is dropped', async () => {
  let go = (): void => {}
  const waits = () => new Promise<void>((resolve) => (go = resolve))
  const one = await desk({ patience: 100 }, { waits })
  await one.type('the quick. the qu')
  const cancelled = one.offer()
  await one.type('i')
  go()
  assert.equal(await cancelled, undefined)
  const late = one.offer()
  one.wait(151)
  go()
  assert.equal(await late, undefined)
  const { cancelled: given, late: dropped, offered } = one.assistant.metrics()
  assert.deepEqual([given, dropped, offered], [1, 1, 0])
})

test('training that begins when idle waits while the person acts, and spends no more than its share', async () => {
  const one = await desk({ every: 100, steps: 3, share: 0.1 })
  await one.type('aaaa aaaa '.repeat(30))
  const training = one.assistant.idle()
  let isDone = false
  void training.then(() => (isDone = true))
  await one.type('a')
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(isDone, false)
  one.wait(1000)
  await one.assistant.idle()
  assert.equal((await training).applied, true)
  assert.deepEqual(await one.assistant.idle(), { applied: false, why: 'not now' })
})

test('training that waits goes on at once where it is asked for', async () => {
  const one = await desk({ every: 100, steps: 3 })
  await one.type('aaaa aaaa '.repeat(30))
  const training = one.assistant.idle()
  await one.type('a')
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(await one.assistant.learn(), await training)
  assert.equal((await training).applied, true)
})

test('a replay gives the same offers and the same bytes', async () => {
  const run = async () => {
    const storage = memoryStorage()
    const one = await desk({ patience: 20 }, { storage, judge: acceptance })
    const offers: unknown[] = []
    for (let i = 0; i < 6; i++)
      for (const word of ['some ', 'words ', 'come ', 'again. ']) {
        await one.type(word.slice(0, 2))
        const offer = await one.offer()
        offers.push([typedBy(offer), offer?.probability])
        if (offer && i % 2 === 0) await one.take(offer)
        else await one.type(word.slice(2))
      }
    await one.assistant.close()
    const kept = await Promise.all((await storage.list('')).map(async (key) => [key, await storage.get(key)]))
    return { offers, kept }
  }
  assert.deepEqual(await run(), await run())
})
