import { toHex } from '@lockstep/proof'
import { sha256 } from '@lockstep/tensor'
import { z } from 'zod'
import { AssistError } from '../assist-error.ts'
import { type Episode, encodeEpisode } from '../episode/episode.ts'
import { type RedactionRule, redact, redactionRule } from '../episode/redact.ts'
import type { AssistStorage } from '../episode/storage.ts'
import { checked, jsonIn } from '../schema-fault.ts'

/** What may leave: updates of the model alone, or redacted episodes too. */
export type Leaving = 'updates' | 'episodes'

/** The person's word that something may leave to one destination. */
export type Given = {
  readonly destination: string
  readonly what: Leaving
  /** Milliseconds since 1970. */
  readonly at: number
  /** What else is redacted for this destination, beside what always is. */
  readonly rules: readonly RedactionRule[]
}

/** Something that left. */
export type Left = {
  readonly destination: string
  readonly what: Leaving
  readonly at: number
  readonly bytes: number
  /** SHA-256 of what left, 64 hex digits. */
  readonly digest: string
  /** Ids of the episodes, or of those that the update was trained on, as they are here. */
  readonly episodes: readonly string[]
}

/** Nothing leaves but by `episodes` and `update`, and by those only where the person has agreed to that very destination. */
export type Consent = {
  list(): readonly Given[]
  give(
    destination: string,
    what: Leaving,
    options?: { readonly rules?: readonly RedactionRule[] },
  ): Promise<Given>
  /** From now on nothing more leaves there. What has left is not called back. */
  withdraw(destination: string): Promise<void>
  /** What may leave of episodes: redacted, and logged as having left. Throws `consent-missing` without consent. */
  episodes(destination: string, episodes: readonly Episode[]): Promise<readonly Episode[]>
  /** The same for an update of the model, as bytes; `episodes` are the ids of what it was trained on. */
  update(destination: string, update: Uint8Array, episodes: readonly string[]): Promise<Uint8Array>
  /** What left, newest first: the newest `CONSENT_LIMITS.log`. */
  log(): readonly Left[]
}

export const CONSENT_LIMITS = { destinations: 64, rules: 64, log: 2000 } as const

const DESTINATION = /^[ -~]{1,200}$/
const digest = z.string().regex(/^[0-9a-f]{64}$/)
const what = z.enum(['updates', 'episodes'])
const schema = z.strictObject({
  version: z.literal(1),
  given: z
    .array(
      z.strictObject({
        ...{ destination: z.string().regex(DESTINATION), what, at: z.number() },
        rules: z.array(redactionRule).max(CONSENT_LIMITS.rules),
      }),
    )
    .max(CONSENT_LIMITS.destinations),
  log: z
    .array(
      z.strictObject({
        ...{ destination: z.string().regex(DESTINATION), what, at: z.number() },
        ...{ bytes: z.int().min(0), digest, episodes: z.array(z.string().max(64)).max(10_000) },
      }),
    )
    .max(CONSENT_LIMITS.log),
})

const KEY = 'consent'
const ABOUT = {
  code: 'consent-malformed',
  whole: 'consent',
  remedy: 'Delete the key "consent": nothing is agreed to then.',
} as const

/** The consents in a storage; nothing is agreed to at first. */
export const openConsent = async (storage: AssistStorage, clock: () => number): Promise<Consent> => {
  const stored = await storage.get(KEY)
  let given: Given[] = []
  let log: Left[] = []
  if (stored) {
    const json = jsonIn(stored, 2 ** 26, ABOUT)
    const read = json.ok ? checked(schema, json.value, ABOUT) : json
    if (!read.ok) {
      const { field, value, limit, remedy } = read.fault
      throw new AssistError('consent-malformed', field, value, String(limit), remedy)
    }
    given = read.value.given
    log = read.value.log
  }
  const save = (): Promise<void> =>
    storage.put(KEY, new TextEncoder().encode(JSON.stringify({ version: 1, given, log })))

  const agreed = (destination: string, what: Leaving): Given => {
    const found = given.find((one) => one.destination === destination)
    if (found && (found.what === what || found.what === 'episodes')) return found
    throw new AssistError(
      'consent-missing',
      `consent to ${what} for ${destination}`,
      found ? `given for ${found.what} only` : 'not given',
      'what the person has agreed to',
      'Ask the person, and call consent.give.',
    )
  }
  /** What left is written down before it is handed out; consent is looked at again after that has been waited for. */
  const leave = async (left: Left): Promise<void> => {
    log = [left, ...log].slice(0, CONSENT_LIMITS.log)
    await save()
    agreed(left.destination, left.what)
  }
  const digestOf = (bytes: Uint8Array): string => toHex(sha256(bytes)).slice(2)

  return {
    list: () => [...given],
    give: async (destination, what, { rules = [] } = {}) => {
      const one: Given = { destination, what, at: clock(), rules }
      const next = [...given.filter((other) => other.destination !== destination), one]
      const all = checked(schema, { version: 1, given: next, log: [] }, ABOUT)
      if (!all.ok) {
        const { field, value, limit } = all.fault
        throw new AssistError('consent-malformed', field, value, String(limit), 'Give it within the limits.')
      }
      given = next
      await save()
      return one
    },
    withdraw: async (destination) => {
      given = given.filter((one) => one.destination !== destination)
      await save()
    },
    episodes: async (destination, episodes) => {
      const { rules } = agreed(destination, 'episodes')
      const leaving = episodes.map((episode) => redact(episode, rules))
      const encoded = leaving.map(encodeEpisode)
      const all = new Uint8Array(encoded.reduce((sum, { length }) => sum + length, 0))
      let offset = 0
      for (const one of encoded) {
        all.set(one, offset)
        offset += one.length
      }
      const ids = episodes.map(({ id }) => id)
      await leave({
        ...{ destination, what: 'episodes', at: clock(), bytes: all.length },
        ...{ digest: digestOf(all), episodes: ids },
      })
      return leaving
    },
    update: async (destination, update, episodes) => {
      agreed(destination, 'updates')
      const left = { destination, what: 'updates', at: clock(), bytes: update.length } as const
      await leave({ ...left, digest: digestOf(update), episodes: [...episodes] })
      return update.slice()
    },
    log: () => [...log],
  }
}
