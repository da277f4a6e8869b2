import type { Passage } from '../assistant/suggester.ts'
import type { Episode } from './episode.ts'

/** Symbols of a context that passages carry at most. */
export const PASSAGE_CONTEXT = 256

/**
 * What the person did in an episode, in unbroken passages, oldest first. What was taken back is left out: a mistyped
 * word that was corrected is there as corrected. Offers that were taken are there, as what the person let stand.
 */
export const passagesOf = (episode: Pick<Episode, 'began' | 'events'>): Passage[] => {
  const passages: Passage[] = []
  let context: number[] = []
  let symbols: number[] = []
  let at = episode.began
  const end = (): void => {
    if (symbols.length > 0)
      passages.push({
        context: Uint16Array.from(context.slice(-PASSAGE_CONTEXT)),
        symbols: Uint16Array.from(symbols),
        at,
      })
    context = [...context, ...symbols].slice(-PASSAGE_CONTEXT)
    symbols = []
  }
  for (const event of episode.events) {
    if (event.kind === 'signal') continue
    if (event.context) {
      end()
      context = [...event.context]
    }
    const back = event.back ?? 0
    if (back > symbols.length) {
      context = context.slice(0, Math.max(0, context.length - (back - symbols.length)))
      symbols = []
    } else if (back > 0) symbols.length -= back
    if (event.kind === 'offered') continue
    if (symbols.length === 0) at = episode.began + event.at
    symbols.push(...event.symbols)
  }
  end()
  return passages
}

/** A suggestion beside what the person did instead, from an offer that was shown. */
export type Comparison = {
  /** What was seen when it was offered, newest last. */
  readonly context: Uint16Array
  readonly offered: Uint16Array
  /** What the person did then, at most so many symbols as were offered; what was taken back is left out. */
  readonly did: Uint16Array
  /** The person took it and let it stand. */
  readonly wanted: boolean
  /** Id of the version that made the offer. */
  readonly version: string
  readonly at: number
}

/** How the offers of an episode ended, oldest first. Those that the episode ends before are left out. */
export const comparisonsOf = (episode: Pick<Episode, 'began' | 'events'>): Comparison[] => {
  const endings = new Map<number, { taken: boolean; regretted: boolean }>()
  for (const event of episode.events)
    if (event.kind === 'signal') {
      const ending = endings.get(event.offer) ?? { taken: false, regretted: false }
      if (event.signal === 'accepted') ending.taken = true
      else ending.regretted = true
      endings.set(event.offer, ending)
    }
  const found: Comparison[] = []
  const open: { comparison: Omit<Comparison, 'did'>; did: number[] }[] = []
  let seen: number[] = []
  const settle = (every: boolean): void => {
    for (let i = open.length - 1; i >= 0; i--) {
      const { comparison, did } = open[i]!
      if (!every && did.length < 2 * comparison.offered.length) continue
      found.push({ ...comparison, did: Uint16Array.from(did.slice(0, comparison.offered.length)) })
      open.splice(i, 1)
    }
  }
  for (const event of episode.events) {
    if (event.kind === 'signal') continue
    if (event.context) {
      settle(true)
      seen = [...event.context]
    }
    const back = event.back ?? 0
    if (back > 0) {
      seen.length = Math.max(0, seen.length - back)
      for (let i = open.length - 1; i >= 0; i--) {
        const { did } = open[i]!
        if (back > did.length) {
          // What was seen at the offer is gone itself: there is nothing to compare any more.
          open.splice(i, 1)
        } else did.length -= back
      }
    }
    if (event.kind === 'offered') {
      const ending = endings.get(event.offer)
      if (!ending) continue
      open.push({
        comparison: {
          context: Uint16Array.from(seen.slice(-PASSAGE_CONTEXT)),
          offered: event.symbols,
          wanted: ending.taken && !ending.regretted,
          version: event.version,
          at: episode.began + event.at,
        },
        did: [],
      })
    }
    if (event.kind !== 'acted') continue
    seen.push(...event.symbols)
    for (const { did } of open) did.push(...event.symbols)
    settle(false)
  }
  settle(true)
  return found.sort((a, b) => a.at - b.at)
}
