import { type Hex, sameBytes } from '@lockstep/proof'
import { fail, ok, type Result } from '@lockstep/tensor'
import { z } from 'zod'

/** 32 bytes in lower-case hex. */
export const root: z.ZodType<Hex> = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/, '0x and 64 lower-case hexadecimal digits') as unknown as z.ZodType<Hex>
/** What somebody is called in one round: 16 bytes drawn for it. */
export const participant: z.ZodType<Hex> = z
  .string()
  .regex(/^0x[0-9a-f]{32}$/, '0x and 32 lower-case hexadecimal digits') as unknown as z.ZodType<Hex>
export const label: z.ZodType<string> = z.string().regex(/^[ -~]{1,64}$/, '1 to 64 printable characters')
export const whole = (least: number, most: number): z.ZodType<number> => z.int().min(least).max(most)
/** Seconds of whatever clock a keeper goes by. */
export const seconds: z.ZodType<number> = whole(0, 2 ** 48)

/** The one text of a document: JSON, the fields of every object in the order of their names. */
export const encodeDocument = (document: unknown): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(JSON.stringify(sorted(document)))

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(fields.map(([name, one]) => [name, sorted(one)]))
}

/** Reads what encodeDocument wrote; other bytes, and another text of the same document, are a fault. */
export const decodeDocument = <T>(
  bytes: Uint8Array<ArrayBufferLike>,
  schema: z.ZodType<T>,
  { kind, most }: { readonly kind: string; readonly most: number },
): Result<T> => {
  const fault = (field: string, value: string, limit: string): Result<never> =>
    fail({
      ...{ code: `${kind}-malformed`, field, value, limit },
      remedy: 'It is damaged or of another version: get it again.',
    })
  if (bytes.length > most) return fault('length', `${bytes.length} bytes`, `at most ${most} bytes`)
  let given: unknown
  try {
    given = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    return fault('text', 'no JSON', 'JSON')
  }
  const read = schema.safeParse(given)
  if (!read.success) {
    const { path, message } = read.error.issues[0]!
    const at = path.map(String).join('.')
    return fault(at.slice(0, 80) || kind, 'not allowed', message.slice(0, 200))
  }
  if (!sameBytes(encodeDocument(read.data), bytes))
    return fault('text', 'another text of the same', 'fields in the order of their names, no spaces')
  return ok(read.data)
}
