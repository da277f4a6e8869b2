import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_TRAIN } from '@lockstep/models'
import { referenceExecutor, unwrap } from '@lockstep/tensor'
import { DOCUMENT_END, TEXT_SYMBOLS, textSymbols } from '../environment/text.ts'
import { type Episode, encodeEpisode, withId } from '../episode/episode.ts'
import { episodeTraining } from './episode-training.ts'
import { sharedEpisode } from './shared-episode.ts'

const model = {
  kind: 'gpt',
  config: { vocab: TEXT_SYMBOLS, context: 8, width: 8, layers: 1, heads: 1, dropout: 0 },
} as const
const training = episodeTraining({
  ...{ executor: referenceExecutor, environment: 'text', model, symbols: 32, between: DOCUMENT_END, seed: 1 },
  train: { ...DEFAULT_TRAIN, batch: 2, steps: 2, warmup: 1 },
})

/** Somebody writes with a typo, takes it back, moves elsewhere, and is offered something. */
const written: Episode = withId({
  ...{ version: 1, environment: 'text', bytes: true, began: 1_700_000_000_000, redacted: false },
  events: [
    { kind: 'acted', at: 5, symbols: textSymbols('the whalr') },
    { kind: 'acted', at: 900, symbols: textSymbols('e'), back: 1 },
    {
      ...{ kind: 'offered', at: 950, offer: 0, symbols: textSymbols('s'), version: 'v1' },
      ...{ probability: 0.5, saved: 1 },
    },
    { kind: 'signal', at: 960, offer: 0, signal: 'ignored' },
    { kind: 'acted', at: 990, symbols: textSymbols(' swims'), context: textSymbols('a secret elsewhere') },
  ],
})

test('what is shared has what was done and nothing else, and is learned from as the whole episode is', async () => {
  const shared = sharedEpisode(written)
  const text = new TextDecoder().decode(encodeEpisode(shared))
  assert.equal(shared.began, 0)
  for (const [i, { kind, at }] of shared.events.entries()) assert.deepEqual([kind, at], ['acted', 0], `${i}`)
  assert.ok(!text.includes([...textSymbols('secret')].join(',')), 'what was seen elsewhere is not shared')
  assert.ok(!text.includes('v1'))
  const whole = unwrap(await training.inputsOf([], [encodeEpisode(written)]))
  const part = unwrap(await training.inputsOf([], [encodeEpisode(shared)]))
  assert.deepEqual(part, whole)
  const found = [...new Uint32Array(whole[0]!.data.buffer)].slice(0, 16)
  assert.deepEqual(found, [...textSymbols('the whale'), DOCUMENT_END, ...textSymbols(' swims')])
  assert.deepEqual(sharedEpisode(shared), shared)
})

test('a long passage is shared in parts and stays one', async () => {
  const long = withId({
    ...written,
    events: [3000, 3000].map((n) => ({ kind: 'acted' as const, at: 0, symbols: textSymbols('x'.repeat(n)) })),
  })
  const shared = sharedEpisode(long)
  assert.deepEqual(
    shared.events.map((event) => event.kind === 'acted' && event.symbols.length),
    [4096, 1904],
  )
  assert.deepEqual(
    unwrap(await training.inputsOf([], [encodeEpisode(shared)])),
    unwrap(await training.inputsOf([], [encodeEpisode(long)])),
  )
})

test('episodes of another application, of strange symbols, too short, or no episodes at all are faults', async () => {
  const field = async (episode: Uint8Array): Promise<string> => {
    const inputs = await training.inputsOf([], [episode])
    return inputs.ok ? 'none' : inputs.fault.field
  }
  assert.equal(await field(encodeEpisode(written)), 'none')
  assert.equal(await field(encodeEpisode({ ...written, environment: 'shell' })), 'episodes[0].environment')
  const strange = [{ kind: 'acted' as const, at: 0, symbols: Uint16Array.of(300) }]
  assert.equal(await field(encodeEpisode({ ...written, events: strange })), 'episodes[0].symbols')
  assert.equal(await field(encodeEpisode({ ...written, events: written.events.slice(0, 0) })), 'episodes')
  assert.equal(await field(new Uint8Array(3)), 'episode')
})
