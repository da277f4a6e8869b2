import { fail, ok, type Result } from '@lockstep/tensor'
import { readPrivate } from './private-file.ts'

/** Where a node without a terminal takes its passphrase from. */
export const PASSPHRASE_VARIABLE = 'LOCKSTEP_PASSPHRASE'
export const LEAST_PASSPHRASE = 8
const MOST_PASSPHRASE = 1024

/** What a new passphrase must be; length is all that helps against guessing. */
export const acceptPassphrase = (passphrase: string): Result<string> => {
  const { length } = [...passphrase]
  if (length >= LEAST_PASSPHRASE && length <= MOST_PASSPHRASE) return ok(passphrase)
  return fail({
    code: 'passphrase-refused',
    field: 'passphrase',
    value: `${length} characters`,
    limit: `${LEAST_PASSPHRASE} to ${MOST_PASSPHRASE} characters`,
    remedy: 'Choose several words that do not belong together.',
  })
}

export type HeadlessSource = {
  /** A file with the passphrase on its first line, readable by its owner only. */
  readonly file?: string | undefined
  /** The environment to look into, and to take the variable out of: child processes inherit what is left in it. */
  readonly env: NodeJS.ProcessEnv
}

/** The passphrase of a node that starts without a person: from the file where one is named, else the environment. */
export const headlessPassphrase = async ({ file, env }: HeadlessSource): Promise<Result<string>> => {
  const variable = env[PASSPHRASE_VARIABLE]
  delete env[PASSPHRASE_VARIABLE]
  if (file !== undefined) {
    const bytes = await readPrivate(file, 4 * MOST_PASSPHRASE, 'Keep the passphrase on its first line.')
    if (!bytes.ok) return bytes
    const text = new TextDecoder().decode(bytes.value)
    bytes.value.fill(0)
    const [passphrase = ''] = text.split(/\r?\n/, 1)
    if (passphrase !== '') return ok(passphrase)
    return fail(missing(file, 'empty'))
  }
  if (variable !== undefined && variable !== '') return ok(variable)
  return fail(missing('the passphrase', 'missing'))
}

const missing = (field: string, value: string) => ({
  code: 'passphrase-missing',
  field,
  value,
  limit: `keys.passphraseFile, or the variable ${PASSPHRASE_VARIABLE}`,
  remedy: 'Write the passphrase into a file that only you may read (chmod 600) and name it in the config.',
})
