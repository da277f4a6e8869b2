import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWasmExecutor, unwrap } from '@lockstep/tensor'
import { TEXT_SYMBOLS, textSymbols } from '../src/environment/text.ts'
import { type Episode, encodeEpisode, withId } from '../src/episode/episode.ts'
import { assistTraining } from '../src/federated/assist-training.ts'
import { runAgain } from '../src/federated/check-base.ts'
import { sharedEpisode } from '../src/federated/shared-episode.ts'
import { learnFrom } from '../src/federated/training.ts'
import { textMemory } from '../src/memory/text-memory.ts'
import { type AssistModel, programsOf } from '../src/model/assist-model.ts'

const model: AssistModel = {
  network: {
    kind: 'gpt',
    config: { vocab: TEXT_SYMBOLS, context: 96, width: 8, layers: 1, heads: 1, dropout: 0 },
  },
  ...{ features: 4, rate: 1e-2 },
}

/** Somebody writes, is offered something that they do not want, and goes on elsewhere. */
const written: Episode = withId({
  ...{ version: 1, environment: 'text', bytes: true, began: 1_700_000_000_000, redacted: false },
  events: [
    { kind: 'acted', at: 5, symbols: textSymbols('the whale swam on, and ') },
    {
      ...{ kind: 'offered', at: 950, offer: 0, symbols: textSymbols('the ship'), version: 'v1' },
      ...{ probability: 0.5, saved: 1 },
    },
    { kind: 'signal', at: 960, offer: 0, signal: 'ignored' },
    { kind: 'acted', at: 990, symbols: textSymbols('it was calm.') },
    { kind: 'acted', at: 999, symbols: textSymbols(' more'), context: textSymbols('elsewhere') },
  ],
})

test('an assistant learns the same from a whole episode and from what is shared of it, and its update is run again', async () => {
  const executor = await createWasmExecutor({ threads: 1 })
  const memory = () => textMemory(TEXT_SYMBOLS)
  const training = assistTraining({ executor, environment: 'text', model, memory, steps: 2, seed: 3 })
  const base = programsOf(model).first(1)
  const [whole, shared] = [encodeEpisode(written), encodeEpisode(sharedEpisode(written))]
  const inputs = unwrap(await training.inputsOf(base, [whole]))
  assert.deepEqual(unwrap(await training.inputsOf(base, [shared])), inputs)
  assert.equal(unwrap(await training.bits(base, [shared])), unwrap(await training.bits(base, [whole])))

  const { receipt, parameters } = await learnFrom(executor, training, base, inputs)
  assert.notDeepEqual(parameters, base)
  assert.deepEqual(unwrap(await runAgain(executor, training, base, { receipt, episodes: [shared] })), {
    differs: [],
  })
  const other = encodeEpisode({
    ...sharedEpisode(written),
    events: [{ kind: 'acted', at: 0, symbols: textSymbols('other') }],
  })
  const found = unwrap(await runAgain(executor, training, base, { receipt, episodes: [other] }))
  assert.deepEqual(found.differs, ['after', 'inputs', 'outputs'])

  const field = async (episode: Uint8Array): Promise<string> => {
    const given = await training.inputsOf(base, [episode])
    return given.ok ? 'none' : given.fault.field
  }
  assert.equal(await field(encodeEpisode({ ...written, environment: 'shell' })), 'episodes[0].environment')
  const strange = [{ kind: 'acted' as const, at: 0, symbols: Uint16Array.of(300) }]
  assert.equal(await field(encodeEpisode({ ...written, events: strange })), 'episodes[0].symbols')
  assert.equal(await field(encodeEpisode({ ...written, events: [] })), 'episodes')
  assert.equal((await training.bits(base, [encodeEpisode({ ...written, events: [] })])).ok, false)
  assert.equal(await field(new Uint8Array(3)), 'episode')
  await executor.close()
})
