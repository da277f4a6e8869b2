import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { fail, ok, type Result } from '@lockstep/tensor'
import { readPrivate, writePrivate } from '../keys/private-file.ts'

const REMEDY = 'Remove the file: the next start makes another token.'

/** The token that whoever changes something has to send: from its file, which is made at the first start. */
export const readToken = async (path: string): Promise<Result<string>> => {
  await writePrivate(path, `${randomBytes(32).toString('base64url')}\n`)
  const bytes = await readPrivate(path, 1024, REMEDY)
  if (!bytes.ok) return bytes
  const token = new TextDecoder().decode(bytes.value).trim()
  if (/^[A-Za-z0-9_-]{16,512}$/.test(token)) return ok(token)
  return fail({
    code: 'token-malformed',
    field: path,
    value: 'no token',
    limit: '16 to 512 letters, digits, dashes and underscores',
    remedy: REMEDY,
  })
}

/** Compares in a time that says nothing about where two tokens differ. */
export const isToken = (given: string, token: string): boolean =>
  timingSafeEqual(createHash('sha256').update(given).digest(), createHash('sha256').update(token).digest())
