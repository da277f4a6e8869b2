import type { Hex } from '@lockstep/proof'
import { type Fault, fail, ok, type Result } from '@lockstep/tensor'
import { z } from 'zod'
import { root } from './document.ts'
import { decodeBaseName, ROUND_LIMITS } from './offer.ts'
import type { Carriage } from './take-part.ts'
import { mostUpdateBytes } from './update-message.ts'

/** Where a keeper's answers lie, below its address. */
export const ROUND_PATHS = {
  offer: 'rounds/open',
  base: 'rounds/base',
  blob: 'rounds/blob/', // and 64 hex digits
  give: 'rounds/update',
} as const

/** A browser's or Node's own, or one with a time limit around it. */
export type Fetch = (url: string, init?: RequestInit) => Promise<Response>

const text = z.string().max(400)
const refused = z.object({
  error: z.object({ code: text, field: text, value: text, limit: text, remedy: text }),
})
const taken = z.object({ update: root })

/**
 * A keeper at this address. It is asked without cookies, referrer or any other word about who asks; no answer is read beyond
 * its limit. Where the keeper cannot be reached, that is a fault of the call: nothing is tried again.
 * @param address Ends with a slash
 */
export const httpCarriage = (address: string, fetch: Fetch): Carriage => {
  const about = {
    credentials: 'omit',
    referrerPolicy: 'no-referrer',
    cache: 'no-store',
    redirect: 'error',
  } as const
  const get = async (path: string, most: number): Promise<Uint8Array | undefined> => {
    const response = await fetch(address + path, about)
    return response.status === 200 ? bounded(response, most) : undefined
  }
  return {
    offer: () => get(ROUND_PATHS.offer, ROUND_LIMITS.offer),
    base: async () => {
      const bytes = await get(ROUND_PATHS.base, 1024)
      return bytes ? decodeBaseName(bytes) : fail(unreadable('base'))
    },
    blob: (hash: Hex) => get(ROUND_PATHS.blob + hash.slice(2), mostUpdateBytes(ROUND_LIMITS.parameters)),
    give: async (update) => {
      const headers = { 'content-type': 'application/octet-stream' }
      const body = update as Uint8Array<ArrayBuffer>
      const response = await fetch(address + ROUND_PATHS.give, { ...about, method: 'POST', headers, body })
      return answerOf(response.status, await bounded(response, 4096))
    },
  }
}

const answerOf = (status: number, bytes: Uint8Array | undefined): Result<{ readonly update: Hex }> => {
  try {
    const answer: unknown = JSON.parse(new TextDecoder().decode(bytes))
    if (status === 200) return ok(taken.parse(answer))
    return fail(refused.parse(answer).error)
  } catch {
    return fail(unreadable('answer'))
  }
}

/** A response's bytes; undefined where there are more than `most`. */
const bounded = async (response: Response, most: number): Promise<Uint8Array | undefined> => {
  const parts: Uint8Array[] = []
  let length = 0
  const reader = response.body?.getReader()
  while (reader) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.length
    if (length > most) {
      await reader.cancel()
      return undefined
    }
    parts.push(value)
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

const unreadable = (field: string): Fault => ({
  ...{ code: 'keeper-unreadable', field, value: 'something else', limit: 'what a keeper of rounds answers' },
  remedy: 'Check the address, or ask another keeper.',
})
