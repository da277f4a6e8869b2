import { textSymbols } from '../environment/text.ts'
import { EPISODE_LIMITS, type Episode, type EpisodeEvent, withId } from '../episode/episode.ts'
import { redact } from '../episode/redact.ts'

/** What was shown when a command was run: what was typed then, and what it became. */
export type Shown = { readonly typed: string; readonly line: string }

/** Events of a session's episode; a longer session has several. */
export const SESSION_EVENTS = 512

export const emptySession = (began: number): Episode =>
  withId({ version: 1, environment: 'shell', bytes: true, began, redacted: true, events: [] })

/** An episode of commands of which only what was run is known; redacted. Too long ones are left out. */
export const sessionOf = (began: number, commands: readonly string[]): Episode => {
  const events = commands.flatMap((command): EpisodeEvent[] => {
    const symbols = textSymbols(`${command}\n`)
    return symbols.length > MOST_SYMBOLS ? [] : [{ kind: 'acted', at: 0, symbols }]
  })
  return redact({ ...emptySession(began), events })
}

const MOST_SYMBOLS = EPISODE_LIMITS.symbols / 2

/**
 * The episode with one more command, redacted: secrets are gone before anything is kept. Where an offer was shown, it is
 * there with what became of it: taken as it was, taken and edited, or not. Undefined where the command is too long to keep.
 */
export const withCommand = (
  session: Episode,
  command: string,
  at: number,
  shown?: Shown,
): Episode | undefined => {
  const symbols = textSymbols(`${command}\n`)
  if (symbols.length > MOST_SYMBOLS) return undefined
  const time = Math.max(0, Math.floor(at - session.began), session.events.at(-1)?.at ?? 0)
  const { events } = session
  const add =
    shown === undefined ? [{ kind: 'acted' as const, at: time, symbols }] : told(events, command, time, shown)
  return redact({ ...session, events: [...events, ...add] })
}

const told = (
  events: readonly EpisodeEvent[],
  command: string,
  at: number,
  { typed, line }: Shown,
): EpisodeEvent[] => {
  const offer = events.filter(({ kind }) => kind === 'offered').length
  const rest = line.slice(typed.length)
  const offered = { kind: 'offered' as const, at, offer, symbols: textSymbols(rest) }
  const begun: EpisodeEvent[] = typed === '' ? [] : [{ kind: 'acted', at, symbols: textSymbols(typed) }]
  const made: EpisodeEvent = {
    ...offered,
    version: 'shell-1',
    probability: 1,
    saved: Math.max(0, rest.length - 1),
  }
  const acted = (text: string, more = {}): EpisodeEvent => ({
    kind: 'acted',
    at,
    symbols: textSymbols(text),
    ...more,
  })
  const signal = (of: 'accepted' | 'edited' | 'ignored'): EpisodeEvent => ({
    kind: 'signal',
    at,
    offer,
    signal: of,
  })
  if (command === line)
    return [...begun, made, signal('accepted'), acted(rest, { taken: offer }), acted('\n')]
  if (command.startsWith(line))
    return [
      ...begun,
      made,
      signal('accepted'),
      acted(rest, { taken: offer }),
      acted(`${command.slice(line.length)}\n`),
      signal('edited'),
    ]
  if (command.startsWith(typed))
    return [...begun, made, signal('ignored'), acted(`${command.slice(typed.length)}\n`)]
  const back = textSymbols(typed).length
  return [...begun, made, signal('ignored'), acted(`${command}\n`, back > 0 ? { back } : {})]
}
