import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { type Fault, fail, ok, type Result } from '@lockstep/tensor'
import { english, generateMnemonic, mnemonicToAccount } from 'viem/accounts'
import { Secret } from './secret.ts'

/** The path of the one account that a phrase stands for (BIP-44, as wallets use it). */
export const ACCOUNT_PATH = "m/44'/60'/0'/0/0"

const REMEDY = 'Give all words in their order, from the list of BIP-39 in English.'

/**
 * Words that a key is made of and can be made of again. A new one is shown once: whoever shows it writes it to the
 * terminal, and nothing keeps it.
 */
export class RecoveryPhrase {
  #words: string | undefined
  readonly secret: Secret

  private constructor(words: string, secret: Secret) {
    this.#words = words
    this.secret = secret
  }

  /** A new phrase of 24 words. That the words bring the key back is tried before anybody relies on it. */
  static generate(): RecoveryPhrase {
    const words = generateMnemonic(english, 256)
    const made = new RecoveryPhrase(words, derive(words))
    const restored = secretOfPhrase(words)
    if (!restored.ok || restored.value.address !== made.secret.address)
      throw new Error('a new recovery phrase does not restore its own account')
    restored.value.wipe()
    return made
  }

  /** The words, this once. */
  show(): string {
    const words = this.#words
    if (words === undefined) throw new Error('a recovery phrase is shown once')
    this.#words = undefined
    return words
  }

  toJSON(): string {
    return `recovery phrase of ${this.secret.address}`
  }

  toString(): string {
    return this.toJSON()
  }

  [inspect.custom](): string {
    return this.toJSON()
  }
}

/** The account's key of a phrase that a person typed. Faults name the place of a wrong word, never a word. */
export const secretOfPhrase = (text: string): Result<Secret> => {
  const words = text.normalize('NFKD').trim().toLowerCase().split(/\s+/)
  if (words.length < 12 || words.length > 24 || words.length % 3 !== 0)
    return fail(malformed('recovery phrase', `${words.length} words`, '12, 15, 18, 21 or 24 words'))
  const numbers = words.map((word) => INDEX.get(word))
  const unknown = numbers.indexOf(undefined)
  if (unknown >= 0)
    return fail(malformed(`word ${unknown + 1} of the recovery phrase`, 'no word of the list', 'BIP-39'))
  if (!checks(numbers as number[]))
    return fail(malformed('recovery phrase', 'inconsistent', 'words whose checksum is right'))
  return ok(derive(words.join(' ')))
}

const INDEX: ReadonlyMap<string, number> = new Map(english.map((word, i) => [word, i]))

/** The last bits of a phrase are the first of its entropy's SHA-256 (BIP-39). The library would not look. */
const checks = (numbers: readonly number[]): boolean => {
  const bits = numbers.map((n) => n.toString(2).padStart(11, '0')).join('')
  const checksum = bits.length / 33
  const entropy = Buffer.from(
    bits
      .slice(0, -checksum)
      .match(/.{8}/g)!
      .map((byte) => Number.parseInt(byte, 2)),
  )
  const [first] = createHash('sha256').update(entropy).digest()
  entropy.fill(0)
  return first!.toString(2).padStart(8, '0').startsWith(bits.slice(-checksum))
}

const derive = (words: string): Secret => {
  const key = mnemonicToAccount(words, { path: ACCOUNT_PATH }).getHdKey().privateKey
  if (!key) throw new Error('the derived account has no private key')
  const secret = Secret.from(key)
  if (!secret.ok) throw new Error('the derived private key is out of range')
  return secret.value
}

const malformed = (field: string, value: string, limit: string): Fault => ({
  code: 'phrase-malformed',
  field,
  value,
  limit,
  remedy: REMEDY,
})
