import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_TRAIN, initialParameters, type LanguageModel } from '@lockstep/models'
import type { Hex } from '@lockstep/proof'
import { createWasmExecutor, type Executor, type Result, unwrap } from '@lockstep/tensor'
import { openConsent } from '../src/consent/consent.ts'
import { DOCUMENT_END, TEXT_SYMBOLS, textOf, textSymbols } from '../src/environment/text.ts'
import { decodeEpisode, type Episode, withId } from '../src/episode/episode.ts'
import { memoryStorage } from '../src/episode/storage.ts'
import { type Contribution, contribute } from '../src/federated/contribute.ts'
import { episodeTraining } from '../src/federated/episode-training.ts'
import { createKeeper } from '../src/federated/keeper.ts'
import type { Carriage, Part } from '../src/federated/take-part.ts'
import type { PreparedTraining } from '../src/federated/training.ts'
import { decodeUpdate } from '../src/federated/update-message.ts'

const model: LanguageModel = {
  kind: 'gpt',
  config: { vocab: TEXT_SYMBOLS, context: 8, width: 8, layers: 1, heads: 1, dropout: 0 },
}
const KEEPER = 'https://keeper.example'
const person: Hex = `0x${'0a'.repeat(16)}`

let executor: Executor
let training: PreparedTraining
test.before(async () => {
  executor = await createWasmExecutor({ threads: 1 })
  training = episodeTraining({
    ...{ executor, environment: 'text', model, symbols: 64, between: DOCUMENT_END, seed: 1 },
    train: { ...DEFAULT_TRAIN, batch: 2, steps: 4, warmup: 1 },
  })
})
test.after(() => executor.close())

const written = (text: string, began = 1_700_000_000_000): Episode =>
  withId({
    ...{ version: 1, environment: 'text', bytes: true, began, redacted: false },
    events: [{ kind: 'acted', at: 5, symbols: textSymbols(text) }],
  })

const begin = async () => {
  const keeper = await createKeeper({
    ...{ executor, training, name: 'keeper', base: initialParameters(model, 1), storage: memoryStorage() },
    settings: { seconds: 100, least: 1, most: 8, norm: 100, kept: 2 },
  })
  await keeper.open(0)
  const sent: Uint8Array[] = []
  const asked = { times: 0 }
  const carriage: Carriage = {
    offer: async () => {
      asked.times++
      return keeper.offer()
    },
    base: async () => ({ ok: true, value: keeper.base() }),
    blob: (hash) => keeper.blob(hash),
    give: (update) => {
      sent.push(update)
      return keeper.receive(update, 1)
    },
  }
  const part: Part = { executor, training, carriage }
  const consent = await openConsent(memoryStorage(), () => 1)
  const episodes = [written('write to ahab@pequod.example about the whale')]
  const contribution: Contribution = { consent, destination: KEEPER, episodes, participant: person }
  return { keeper, sent, asked, part, consent, contribution, episodes }
}
const codeOf = (result: Result<unknown>): string => (result.ok ? 'given' : result.fault.code)

test('what leaves is what was agreed to for this very keeper, and it is logged', async () => {
  const { sent, asked, part, consent, contribution, episodes } = await begin()
  assert.equal(codeOf(await contribute(part, contribution)), 'consent-missing')
  await consent.give('https://another.example', 'episodes')
  assert.equal(codeOf(await contribute(part, contribution)), 'consent-missing')
  assert.deepEqual([asked.times, sent.length, consent.log().length], [0, 0, 0])

  await consent.give(KEEPER, 'updates')
  assert.equal(codeOf(await contribute(part, contribution)), 'given')
  const alone = unwrap(decodeUpdate(sent[0]!, training.parameters))
  assert.deepEqual(alone.episodes, [])
  assert.deepEqual(
    consent.log().map(({ what, episodes, bytes }) => [what, episodes, bytes]),
    [['updates', [episodes[0]!.id], sent[0]!.length]],
  )

  await consent.give(KEEPER, 'episodes')
  const other = await begin()
  const second = { ...contribution, participant: `0x${'0b'.repeat(16)}` as const }
  assert.equal(codeOf(await contribute(part, second)), 'update-refused', 'the same parameters are taken once')
  assert.equal(codeOf(await contribute(other.part, second)), 'given')
  const shared = unwrap(decodeEpisode(unwrap(decodeUpdate(sent[1]!, training.parameters)).episodes[0]!))
  assert.equal(shared.redacted, true)
  const repeated = unwrap(decodeUpdate(sent[1]!, training.parameters))
  assert.deepEqual(
    repeated.receipt.inputs,
    alone.receipt.inputs,
    'what is learned from is redacted in either case',
  )
  const [event] = shared.events
  assert.ok(event?.kind === 'acted')
  assert.equal(textOf(event.symbols.filter((symbol) => symbol < 256)), 'write to  about the whale')
  assert.deepEqual(
    consent.log().map(({ what }) => what),
    ['updates', 'episodes', 'updates', 'episodes', 'updates'],
  )
  // The keeper runs again what was redacted: it is what was learned from.
  const end = await other.keeper.tick(100)
  assert.ok(end?.kind === 'published')
  assert.deepEqual(
    end.lineage.members.map(({ checked }) => checked),
    ['re-executed'],
  )
})

test('who withdraws while the assistant learns has sent nothing', async () => {
  for (const what of ['updates', 'episodes'] as const) {
    const { sent, part, consent, contribution } = await begin()
    await consent.give(KEEPER, what)
    const blob = async (hash: Hex) => {
      await consent.withdraw(KEEPER)
      return part.carriage.blob(hash)
    }
    const withdrawn = { ...part, carriage: { ...part.carriage, blob } }
    assert.equal(codeOf(await contribute(withdrawn, contribution)), 'consent-missing')
    assert.deepEqual([sent.length, consent.log().length], [0, 0])
  }
})

test('of more episodes than an update has room for the newest are shared', async () => {
  const { sent, part, consent, contribution } = await begin()
  await consent.give(KEEPER, 'episodes')
  const episodes = Array.from({ length: 70 }, (_, i) => written(`line number ${i}`, i * 86_400_000))
  assert.equal(codeOf(await contribute(part, { ...contribution, episodes })), 'given')
  const shared = unwrap(decodeUpdate(sent[0]!, training.parameters)).episodes.map((bytes) => {
    const [event] = unwrap(decodeEpisode(bytes)).events
    return event?.kind === 'acted' ? textOf(event.symbols) : undefined
  })
  assert.deepEqual([shared.length, shared[0], shared.at(-1)], [64, 'line number 6', 'line number 69'])
  assert.equal(consent.log()[0]?.episodes.length, 64)
})
