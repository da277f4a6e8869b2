import { fail, type Result } from '@lockstep/tensor'
import { MAX_KEYSTORE_BYTES, parseKeystore, unsealSecret } from './keystore.ts'
import { secretOfPhrase } from './recovery-phrase.ts'
import { Secret } from './secret.ts'

/** No file with a key in it is longer. */
export const MAX_IMPORT_BYTES: number = MAX_KEYSTORE_BYTES

/**
 * The secret in what a person hands in: a private key in hexadecimal, a recovery phrase, or a keystore file, for which
 * alone the passphrase is asked. No fault shows anything of the content.
 */
export const importSecret = async (
  content: Uint8Array,
  askPassphrase: () => Promise<Result<string>>,
): Promise<Result<Secret>> => {
  const text = textOf(content)
  if (/^\s*\{/.test(text)) {
    const keystore = parseKeystore(content)
    if (!keystore.ok) return keystore
    const passphrase = await askPassphrase()
    return passphrase.ok ? unsealSecret(keystore.value, passphrase.value) : passphrase
  }
  const [, digits] = /^\s*(?:0x)?([0-9a-fA-F]{64})\s*$/.exec(text) ?? []
  if (digits !== undefined) return Secret.from(Buffer.from(digits, 'hex'))
  if (/^\s*\p{L}+(\s+\p{L}+){5,}\s*$/u.test(text)) return secretOfPhrase(text)
  return fail({
    code: 'import-malformed',
    field: 'import',
    value: content.length === 0 ? 'empty' : `${content.length} bytes of another kind`,
    limit: 'a private key (64 hexadecimal digits), a recovery phrase, or a keystore file',
    remedy: 'Give one of these alone, as plain text.',
  })
}

const textOf = (content: Uint8Array): string => {
  if (content.length > MAX_IMPORT_BYTES) return ''
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch {
    return ''
  }
}
