import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  headlessPassphrase,
  makePrivateDirectory,
  PASSPHRASE_VARIABLE,
  SCRYPT_COST,
  type ScryptCost,
  writeKeyFile,
} from '@lockstep/node'
import { unwrap } from '@lockstep/tensor'
import { badInput } from '../cli-error.ts'
import { ask, canAsk } from './ask.ts'

/** How keystores of a directory are sealed. */
export type Sealing = {
  readonly passphrase: string
  readonly cost: ScryptCost
  /** The file that holds the passphrase, where one does. */
  readonly file: string | undefined
  /** It was made just now: whoever made it says so. */
  readonly isNew: boolean
}

/** A generated passphrase cannot be guessed, so that a slow derivation would only cost time. */
const QUICK: ScryptCost = { n: 2 ** 12, r: 8, p: 1 }

export const passphraseFileIn = (directory: string): string => join(directory, 'passphrase')

export type PassphraseSource = {
  /** A directory of keystores; a generated passphrase is kept beside them. */
  readonly directory: string
  /** A file that was named. */
  readonly file?: string | undefined
  /** Whether a person may be asked. */
  readonly mayAsk?: boolean
}

/** The passphrase for new keystores: given, kept beside them, asked for, or made here and kept in a file. */
export const sealing = async (source: PassphraseSource): Promise<Sealing> => {
  const [given] = await passphrases(source)
  if (given) return { ...given, cost: given.generated ? QUICK : SCRYPT_COST, isNew: false }
  if (source.mayAsk === true && canAsk()) {
    const typed = await ask(
      `Passphrase for the keystore (empty: one is made and kept in ${passphraseFileIn(source.directory)}): `,
      { hidden: true },
    )
    if (typed !== '') {
      if ((await ask('Once more: ', { hidden: true })) !== typed)
        throw badInput(
          'passphrase-differs',
          'the passphrase',
          'typed differently',
          'twice the same',
          'Try again.',
        )
      return { passphrase: typed, cost: SCRYPT_COST, file: undefined, isNew: false }
    }
  }
  const file = passphraseFileIn(source.directory)
  await makePrivateDirectory(source.directory)
  // Somebody else may make it at the same time: the first one counts for both.
  const isNew = await writeKeyFile(file, `${randomBytes(32).toString('base64url')}\n`)
  const passphrase = unwrap(await headlessPassphrase({ file, env: {} }))
  return { passphrase, cost: QUICK, file, isNew }
}

/** A file that was named has to hold a passphrase, also where none turns out to be needed: said before anything is made. */
export const requirePassphraseFile = async (file: string | undefined): Promise<void> => {
  if (file !== undefined) unwrap(await headlessPassphrase({ file, env: {} }))
}

/** What may open a keystore, in the order in which it is tried. */
export const passphrases = async ({
  directory,
  file,
}: PassphraseSource): Promise<{ passphrase: string; file: string | undefined; generated: boolean }[]> => {
  if (file !== undefined)
    return [{ passphrase: unwrap(await headlessPassphrase({ file, env: {} })), file, generated: false }]
  const found = []
  const variable = process.env[PASSPHRASE_VARIABLE]
  if (variable !== undefined && variable !== '')
    found.push({ passphrase: variable, file: undefined, generated: false })
  const kept = passphraseFileIn(directory)
  if (await exists(kept))
    found.push({
      passphrase: unwrap(await headlessPassphrase({ file: kept, env: {} })),
      file: kept,
      generated: true,
    })
  return found
}

const exists = (path: string): Promise<boolean> =>
  readFile(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
  )
