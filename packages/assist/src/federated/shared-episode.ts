import { EPISODE_LIMITS, type Episode, type EpisodeEvent, withId } from '../episode/episode.ts'
import { passagesOf } from '../episode/passages.ts'

/**
 * What of an episode others need to run its learning again, and no more: what the person did, as it stood in the end.
 * When and how fast, what was taken back, what was seen elsewhere, and what was offered and became of it are left out.
 * @param episode Redacted already: of what was done nothing is changed here
 */
export const sharedEpisode = (episode: Episode): Episode => {
  const { version, environment, bytes, redacted } = episode
  const most = EPISODE_LIMITS.symbols
  const events = passagesOf(episode).flatMap(({ symbols }) =>
    Array.from({ length: Math.ceil(symbols.length / most) }, (_, part): EpisodeEvent => {
      const some = symbols.slice(part * most, (part + 1) * most)
      // Nothing that was seen before belongs to the next passage.
      return { kind: 'acted', at: 0, symbols: some, ...(part === 0 && { context: new Uint16Array(0) }) }
    }),
  )
  return withId({ version, environment, bytes, began: 0, redacted, events })
}
