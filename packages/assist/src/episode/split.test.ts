import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyEpisode } from '../../test/any-episode.ts'
import { passagesOf } from './passages.ts'
import { splitEpisodes, symbolsIn } from './split.ts'

const total = (episodes: readonly { events: Parameters<typeof symbolsIn>[0]['events'] }[]): number =>
  episodes.reduce((sum, episode) => sum + symbolsIn(episode), 0)

test('a split loses nothing, keeps the order, and its newer part is as large as asked for', () => {
  fc.assert(
    fc.property(
      fc.array(anyEpisode, { maxLength: 4 }),
      fc.double({ min: 0.05, max: 0.5, noNaN: true }),
      (episodes, share) => {
        const { older, newer } = splitEpisodes(episodes, share)
        assert.equal(total(older) + total(newer), total(episodes))
        assert.ok(total(newer) >= share * total(episodes))
        const strip = (events: typeof episodes): number[] =>
          events.flatMap(({ events }) => events.map(({ at }) => at))
        assert.deepEqual(strip([...older, ...newer] as typeof episodes), strip(episodes))
      },
    ),
  )
})

test('the newer part of an episode knows what was seen before it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 8 }), (count) => {
      const events = Array.from({ length: count }, (_, i) => ({
        ...{ kind: 'acted' as const, at: i, symbols: Uint16Array.of(i) },
        ...(i === 0 && { context: Uint16Array.of(99) }),
      }))
      const episode = {
        version: 1,
        id: 'x',
        environment: 'text',
        bytes: true,
        began: 0,
        redacted: false,
        events,
      } as const
      const { older, newer } = splitEpisodes([episode], 0.4)
      const [first] = passagesOf(older[0]!)
      const [second] = passagesOf(newer[0]!)
      assert.deepEqual([...second!.context], [99, ...first!.symbols])
      assert.deepEqual(
        [...first!.symbols, ...second!.symbols],
        events.map((_, i) => i),
      )
    }),
  )
})
