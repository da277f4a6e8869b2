import { toHex } from '@lockstep/proof'
import { fail, ok, type Result, sha256 } from '@lockstep/tensor'
import { z } from 'zod'
import { AssistError } from '../assist-error.ts'
import { checked, jsonIn } from '../schema-fault.ts'

/** What became of an offer. `edited` and `undone` follow an `accepted` where the person takes some or all of it back. */
export const SIGNALS = ['accepted', 'edited', 'ignored', 'dismissed', 'undone'] as const
export type Signal = (typeof SIGNALS)[number]

/** What is seen at an event, where it is not what came before in the episode. */
export type Seen = {
  /** Something else: this, newest last. */
  readonly context?: Uint16Array
  /** What came before, without so many of its last symbols. */
  readonly back?: number
}

/** The person did something. */
export type Acted = Seen & {
  readonly kind: 'acted'
  /** Milliseconds since the episode began, as for every event. */
  readonly at: number
  /** What follows the context; none where the action only took something away or moved. */
  readonly symbols: Uint16Array
  /** The number of the offer that was taken by this. */
  readonly taken?: number
}

/** The assistant made an offer, in the context that the person had reached. */
export type Offered = Seen & {
  readonly kind: 'offered'
  readonly at: number
  /** Offers of an episode count from 0. */
  readonly offer: number
  readonly symbols: Uint16Array
  /** Id of the version that made it. */
  readonly version: string
  /** How likely it seemed that it would be taken, and the actions that it would have saved. */
  readonly probability: number
  readonly saved: number
}

export type Signalled = {
  readonly kind: 'signal'
  readonly at: number
  readonly offer: number
  readonly signal: Signal
}

export type EpisodeEvent = Acted | Offered | Signalled

/** A stretch of use of one application. */
export type Episode = {
  readonly version: 1
  /** SHA-256 of the encoding, which does not hold it: 64 hex digits. */
  readonly id: string
  /** Name of the environment. */
  readonly environment: string
  /** Symbols below 256 are bytes of UTF-8. */
  readonly bytes: boolean
  /** Milliseconds since 1970. */
  readonly began: number
  /** Something was taken out of it by `redact`. */
  readonly redacted: boolean
  readonly events: readonly EpisodeEvent[]
}

export const EPISODE_LIMITS = {
  encoded: 2 ** 22, // bytes of an encoding
  events: 4096,
  symbols: 4096, // of one event
  context: 512, // symbols
  symbol: 512, // symbols are below
  exported: 2 ** 26, // bytes of an export
  episodes: 10_000, // of an export
} as const

const ABOUT = {
  code: 'episode-malformed',
  whole: 'episode',
  remedy: 'Export the episode again, with this version or an older one.',
} as const

const symbols = (most: number) =>
  z
    .array(
      z
        .int()
        .min(0)
        .max(EPISODE_LIMITS.symbol - 1),
    )
    .max(most)
const at = z
  .int()
  .min(0)
  .max(2 ** 40)
const offer = z.int().min(0).max(EPISODE_LIMITS.events)
export const ENVIRONMENT_NAME: RegExp = /^[a-z][a-z0-9-]{0,31}$/
const VERSION_ID = /^[a-z0-9-]{1,64}$/

const seen = {
  context: symbols(EPISODE_LIMITS.context).optional(),
  back: z
    .int()
    .min(1)
    .max(2 ** 24)
    .optional(),
}

const event = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('acted'),
    at,
    symbols: symbols(EPISODE_LIMITS.symbols),
    ...seen,
    taken: offer.optional(),
  }),
  z.strictObject({
    kind: z.literal('offered'),
    at,
    offer,
    symbols: symbols(EPISODE_LIMITS.context),
    ...seen,
    version: z.string().regex(VERSION_ID),
    probability: z.number().min(0).max(1),
    saved: z.number().min(0).max(EPISODE_LIMITS.symbols),
  }),
  z.strictObject({ kind: z.literal('signal'), at, offer, signal: z.enum(SIGNALS) }),
])

const schema = z.strictObject({
  version: z.literal(1),
  environment: z.string().regex(ENVIRONMENT_NAME),
  bytes: z.boolean(),
  began: z
    .int()
    .min(0)
    .max(2 ** 50),
  redacted: z.boolean(),
  events: z.array(event).max(EPISODE_LIMITS.events),
})

const encoder = new TextEncoder()

const plainSeen = ({ context, back }: Seen): object => ({
  ...(context && { context: [...context] }),
  ...(back !== undefined && { back }),
})

/** Fields in the order of the documented format; absent ones are not written: one episode has one encoding. */
const plainEvent = (one: EpisodeEvent): unknown => {
  switch (one.kind) {
    case 'acted':
      return {
        ...{ kind: one.kind, at: one.at, symbols: [...one.symbols] },
        ...plainSeen(one),
        ...(one.taken !== undefined && { taken: one.taken }),
      }
    case 'offered': {
      const { kind, at, offer, version, probability, saved } = one
      return { kind, at, offer, symbols: [...one.symbols], ...plainSeen(one), version, probability, saved }
    }
    case 'signal':
      return { kind: one.kind, at: one.at, offer: one.offer, signal: one.signal }
  }
}

/** JSON in UTF-8, see docs/assist.md. */
export const encodeEpisode = (episode: Omit<Episode, 'id'>): Uint8Array<ArrayBuffer> => {
  const { version, environment, bytes, began, redacted, events } = episode
  return encoder.encode(
    JSON.stringify({ version, environment, bytes, began, redacted, events: events.map(plainEvent) }),
  )
}

const idOf = (encoded: Uint8Array): string => toHex(sha256(encoded)).slice(2)

/** The episode with its id. */
export const withId = (episode: Omit<Episode, 'id'>): Episode => ({
  ...episode,
  id: idOf(encodeEpisode(episode)),
})

/** The episode in these bytes, whoever wrote them. */
export const decodeEpisode = (encoded: Uint8Array): Result<Episode> => {
  const json = jsonIn(encoded, EPISODE_LIMITS.encoded, ABOUT)
  return json.ok ? episodeOf(json.value) : json
}

const episodeOf = (value: unknown): Result<Episode> => {
  const plain = checked(schema, value, ABOUT)
  if (!plain.ok) return plain
  const offers = new Set<number>()
  let last = 0
  for (const [i, one] of plain.value.events.entries()) {
    const bad = (field: string, value: number, limit: string): Result<never> =>
      fail({ code: ABOUT.code, field: `events.${i}.${field}`, value, limit, remedy: ABOUT.remedy })
    if (one.at < last) return bad('at', one.at, `at least ${last}, the time of the event before`)
    last = one.at
    if (one.kind === 'offered') {
      if (offers.has(one.offer)) return bad('offer', one.offer, 'a number that no other offer has')
      offers.add(one.offer)
    }
    if (one.kind === 'signal' && !offers.has(one.offer))
      return bad('offer', one.offer, 'an offer that was made before')
    if (one.kind === 'acted' && one.taken !== undefined && !offers.has(one.taken))
      return bad('taken', one.taken, 'an offer that was made before')
  }
  const events = plain.value.events.map((one): EpisodeEvent => {
    if (one.kind === 'signal') return one
    const { context, back, symbols, ...rest } = one
    const seen = {
      ...(context && { context: Uint16Array.from(context) }),
      ...(back !== undefined && { back }),
    }
    return { ...rest, symbols: Uint16Array.from(symbols), ...seen } as Acted | Offered
  })
  return ok(withId({ ...plain.value, events }))
}

/** Many episodes as one file: a line that says what it is and how many follow, then a line for each. */
export const exportEpisodes = (episodes: readonly Episode[]): Uint8Array<ArrayBuffer> => {
  if (episodes.length > EPISODE_LIMITS.episodes)
    throw new AssistError(
      'episode-malformed',
      'episodes',
      episodes.length,
      `at most ${EPISODE_LIMITS.episodes}`,
      'Export them in several files.',
    )
  const head = encoder.encode(
    JSON.stringify({ format: 'lockstep-episodes', version: 1, episodes: episodes.length }),
  )
  const lines = [head, ...episodes.map(encodeEpisode)]
  const all = new Uint8Array(lines.reduce((sum, line) => sum + line.length + 1, 0))
  let offset = 0
  for (const line of lines) {
    all.set(line, offset)
    all[offset + line.length] = 10
    offset += line.length + 1
  }
  return all
}

const EXPORT = { ...ABOUT, whole: 'export' }
const headSchema = z.strictObject({
  format: z.literal('lockstep-episodes'),
  version: z.literal(1),
  episodes: z.int().min(0).max(EPISODE_LIMITS.episodes),
})

/** The episodes of an export, all of them or none. */
export const importEpisodes = (exported: Uint8Array): Result<readonly Episode[]> => {
  const bad = (field: string, value: string | number, limit: string): Result<never> =>
    fail({ code: ABOUT.code, field, value, limit, remedy: ABOUT.remedy })
  if (exported.length > EPISODE_LIMITS.exported)
    return bad('export', `${exported.length} bytes`, `at most ${EPISODE_LIMITS.exported} bytes`)
  const lines: Uint8Array[] = []
  for (let from = 0; from < exported.length; ) {
    const end = exported.indexOf(10, from)
    if (end < 0) return bad('export', 'a line without its end', 'lines that end with a line feed')
    lines.push(exported.subarray(from, end))
    from = end + 1
    if (lines.length > EPISODE_LIMITS.episodes + 1)
      return bad('episodes', `more than ${EPISODE_LIMITS.episodes}`, `at most ${EPISODE_LIMITS.episodes}`)
  }
  if (lines.length === 0)
    return bad('export', 'empty', 'a line that says what it is, and one for each episode')
  const json = jsonIn(lines[0]!, 1000, EXPORT)
  if (!json.ok) return json
  const head = checked(headSchema, json.value, EXPORT)
  if (!head.ok) return head
  if (head.value.episodes !== lines.length - 1)
    return bad('episodes', lines.length - 1, `${head.value.episodes}, as the first line says`)
  const episodes: Episode[] = []
  for (const line of lines.slice(1)) {
    const episode = decodeEpisode(line)
    if (!episode.ok) return episode
    episodes.push(episode.value)
  }
  return ok(episodes)
}
