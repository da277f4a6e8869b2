import { type Fault, fail, ok, type Result } from '@lockstep/tensor'
import type { z } from 'zod'

/** A value of this schema, or what is wrong with the first field that is not of it. */
export const checked = <S extends z.ZodType>(
  schema: S,
  value: unknown,
  about: { readonly code: string; readonly whole: string; readonly remedy: string },
): Result<z.output<S>> => {
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) return ok(result.data)
  const issue = result.error.issues[0]!
  const fault: Fault = {
    code: about.code,
    field: plain(issue.path.join('.') || about.whole),
    value: plain(issue.input === undefined ? 'missing' : issue.input),
    limit: plain(issue.message),
    remedy: about.remedy,
  }
  return fail(fault)
}

/** The JSON value in bytes of UTF-8, or a fault. */
export const jsonIn = (
  bytes: Uint8Array,
  most: number,
  about: { readonly code: string; readonly whole: string; readonly remedy: string },
): Result<unknown> => {
  const bad = (value: string, limit: string): Result<never> =>
    fail({ code: about.code, field: about.whole, value, limit, remedy: about.remedy })
  if (bytes.length > most) return bad(`${bytes.length} bytes`, `at most ${most} bytes`)
  try {
    return ok(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  } catch {
    return bad('no JSON', 'JSON in UTF-8')
  }
}

/** Values may be a stranger's: what is shown of one is a short line. */
const plain = (value: unknown): string => {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  return text.slice(0, 120).replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ') || 'empty'
}
