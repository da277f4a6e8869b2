import { ok, type Result } from '@lockstep/tensor'
import type { ZodType } from 'zod'
import { fault, reasonOf } from './network-fault.ts'

/** Messages are JSON in UTF-8. Both directions are checked: what we send must fit too. */

const utf8 = new TextDecoder('utf-8', { fatal: true })

export const encodeMessage = (message: unknown, maxBytes: number): Result<Uint8Array> => {
  const bytes = new TextEncoder().encode(JSON.stringify(message))
  return bytes.length <= maxBytes
    ? ok(bytes)
    : fault(
        'message-oversize',
        'message',
        `${bytes.length} bytes`,
        `${maxBytes} bytes`,
        'Send less at a time.',
      )
}

export const decodeMessage = <T>(bytes: Uint8Array, schema: ZodType<T>): Result<T> => {
  let json: unknown
  try {
    json = JSON.parse(utf8.decode(bytes))
  } catch (error) {
    return malformed('message', reasonOf(error), 'JSON in UTF-8')
  }
  let parsed: ReturnType<typeof schema.safeParse>
  try {
    parsed = schema.safeParse(json)
  } catch (error) {
    // A schema that throws is our own mistake, and nobody else is to end us by it.
    return malformed('message', reasonOf(error), 'the schema')
  }
  if (parsed.success) return ok(parsed.data)
  const issue = parsed.error.issues[0]!
  return malformed(`message${issue.path.map((p) => `.${String(p)}`).join('')}`, issue.message, 'the schema')
}

const malformed = (field: string, value: string, limit: string): Result<never> =>
  fault('message-malformed', field, value.slice(0, 200), limit, 'Both sides must run the same version.')
