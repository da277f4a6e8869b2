import fc from 'fast-check'
import { EPISODE_LIMITS, type Episode, type EpisodeEvent, SIGNALS, withId } from '../src/index.ts'

const symbols = (maxLength: number) =>
  fc.array(fc.nat(EPISODE_LIMITS.symbol - 1), { maxLength }).map((list) => Uint16Array.from(list))
const seen = { context: symbols(9), back: fc.integer({ min: 1, max: 99 }) }
const acted = fc.record(
  { kind: fc.constant('acted' as const), symbols: symbols(5), ...seen },
  { requiredKeys: ['kind', 'symbols'] },
)
const offered = fc.record(
  {
    ...{ kind: fc.constant('offered' as const), symbols: symbols(5), version: fc.constant('base') },
    ...{ probability: fc.double({ min: 0, max: 1, noNaN: true }), saved: fc.nat(9), ...seen },
  },
  { requiredKeys: ['kind', 'symbols', 'version', 'probability', 'saved'] },
)
const signal = fc.record({ kind: fc.constant('signal' as const), signal: fc.constantFrom(...SIGNALS) })

/** Episodes in which numbers of offers and times are as they must be. */
export const anyEpisode: fc.Arbitrary<Episode> = fc
  .record({ began: fc.nat(), events: fc.array(fc.oneof(acted, offered, signal), { maxLength: 12 }) })
  .map(({ began, events }) => {
    let offers = 0
    const timed = events.flatMap((event, i): EpisodeEvent[] => {
      if (event.kind === 'acted') return [{ ...event, at: i }]
      if (event.kind === 'offered') return [{ ...event, at: i, offer: offers++ }]
      return offers > 0 ? [{ ...event, at: i, offer: offers - 1 }] : []
    })
    return withId({ version: 1, environment: 'text', bytes: true, began, redacted: false, events: timed })
  })
