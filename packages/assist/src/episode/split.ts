import type { Acted, Episode, EpisodeEvent } from './episode.ts'
import { PASSAGE_CONTEXT } from './passages.ts'

/** Symbols that the person typed or took in an episode. */
export const symbolsIn = ({ events }: Pick<Episode, 'events'>): number =>
  events.reduce((sum, event) => sum + (event.kind === 'acted' ? event.symbols.length : 0), 0)

/**
 * Cuts episodes, oldest first, in two in time: the newer part holds at least the newest `share` of all symbols, if it can.
 * An episode that the cut goes through is in both, each with its own events, under the same id.
 */
export const splitEpisodes = (
  episodes: readonly Episode[],
  share: number,
): { readonly older: readonly Episode[]; readonly newer: readonly Episode[] } => {
  const all = episodes.reduce((sum, episode) => sum + symbolsIn(episode), 0)
  let left = Math.ceil(all * share)
  const newer: Episode[] = []
  for (let i = episodes.length - 1; i >= 0; i--) {
    const episode = episodes[i]!
    const size = symbolsIn(episode)
    if (size <= left) {
      newer.unshift(episode)
      left -= size
      if (left <= 0) return { older: episodes.slice(0, i), newer }
      continue
    }
    const cut = cutBefore(episode, left)
    const [first, second] = [episode.events.slice(0, cut), episode.events.slice(cut)]
    if (second.length > 0) newer.unshift({ ...episode, events: withContext(first, second) })
    return { older: [...episodes.slice(0, i), { ...episode, events: first }], newer }
  }
  return { older: [], newer }
}

/** The place of the event from which on an episode has at least so many symbols. */
const cutBefore = ({ events }: Episode, symbols: number): number => {
  let left = symbols
  for (let i = events.length - 1; i >= 0; i--) {
    const event = events[i]!
    if (event.kind === 'acted') left -= event.symbols.length
    if (left <= 0) return i
  }
  return 0
}

/** The later events so that they stand alone: the first of them says what was seen. */
const withContext = (
  before: readonly EpisodeEvent[],
  after: readonly EpisodeEvent[],
): readonly EpisodeEvent[] => {
  let seen: number[] = []
  for (const event of before) {
    if (event.kind === 'signal') continue
    if (event.context) seen = [...event.context]
    if (event.back !== undefined) seen.length = Math.max(0, seen.length - event.back)
    if (event.kind === 'acted') seen.push(...event.symbols)
  }
  const first = after.findIndex((event) => event.kind !== 'signal')
  return after.map((event, i) => {
    if (i !== first || event.kind === 'signal' || event.context) return event
    const { back = 0, ...rest } = event
    const context = Uint16Array.from(seen.slice(0, Math.max(0, seen.length - back)).slice(-PASSAGE_CONTEXT))
    return { ...rest, context } as Acted
  })
}
