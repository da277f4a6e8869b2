import {
  createCipheriv,
  createDecipheriv,
  pbkdf2,
  randomBytes,
  randomUUID,
  scrypt,
  timingSafeEqual,
} from 'node:crypto'
import { promisify } from 'node:util'
import { fail, type Result } from '@lockstep/tensor'
import { bytesToHex, hexToBytes, keccak256 } from 'viem'
import { z } from 'zod'
import { decode } from '../schema-fault.ts'
import { Secret } from './secret.ts'

/**
 * An encrypted private key in a file, as Ethereum wallets keep it: Web3 Secret Storage, version 3
 * (https://ethereum.org/developers/docs/data-structures-and-encoding/web3-secret-storage). What is written is scrypt
 * and aes-128-ctr; pbkdf2, which some wallets write, is read.
 */
export type Keystore = z.output<typeof keystoreSchema>

export const MAX_KEYSTORE_BYTES = 16384

/** Scrypt's cost: about half a second and 128 MiB, which is what a guess costs, too. */
export type ScryptCost = { readonly n: number; readonly r: number; readonly p: number }
export const SCRYPT_COST: ScryptCost = { n: 2 ** 17, r: 8, p: 1 }

/** What a stranger's file may make this machine do before its passphrase is found wrong. */
const MOST_SCRYPT_BYTES = 512 * 2 ** 20
const MOST_SCRYPT_WORK = 2 ** 24
const MOST_PBKDF2_ROUNDS = 10_000_000

const hex = (least: number, most = least) =>
  z
    .string()
    .max(2 * most + 2)
    .regex(/^(0x)?([0-9a-fA-F]{2})*$/, 'hexadecimal digits')
    .transform((text) => hexToBytes(`0x${text.replace(/^0x/, '')}`))
    .refine(
      (bytes) => bytes.length >= least && bytes.length <= most,
      least === most ? `${least} bytes in hexadecimal` : `${least} to ${most} bytes in hexadecimal`,
    )

const scryptParams = z
  .object({
    dklen: z.literal(32),
    salt: hex(1, 64),
    n: z
      .int()
      .min(2)
      .max(2 ** 30),
    r: z.int().min(1).max(64),
    p: z.int().min(1).max(64),
  })
  .refine(({ n }) => (n & (n - 1)) === 0, { path: ['n'], error: 'a power of two' })
  .refine(({ n, r }) => 16 * r > 30 || n < 2 ** (16 * r), {
    path: ['n'],
    error: 'below 2 to the power of 16 r (RFC 7914)',
  })
  .refine(({ n, r }) => 128 * n * r <= MOST_SCRYPT_BYTES, {
    path: ['n'],
    error: `at most ${MOST_SCRYPT_BYTES} bytes of memory, which is 128 * n * r`,
  })
  .refine(({ n, r, p }) => n * r * p <= MOST_SCRYPT_WORK, {
    path: ['p'],
    error: `n * r * p at most ${MOST_SCRYPT_WORK}`,
  })

const pbkdf2Params = z.object({
  dklen: z.literal(32),
  salt: hex(1, 64),
  c: z.int().min(1).max(MOST_PBKDF2_ROUNDS),
  prf: z.literal('hmac-sha256'),
})

const cryptoFields = {
  cipher: z.literal('aes-128-ctr'),
  cipherparams: z.object({ iv: hex(16) }),
  ciphertext: hex(32),
  mac: hex(32),
}

/** Other wallets add fields of their own: what is not known is left alone. */
const keystoreSchema = z.object({
  version: z.literal(3),
  id: z.string().max(64).optional(),
  address: hex(20).optional(),
  crypto: z.discriminatedUnion(
    'kdf',
    [
      z.object({ ...cryptoFields, kdf: z.literal('scrypt'), kdfparams: scryptParams }),
      z.object({ ...cryptoFields, kdf: z.literal('pbkdf2'), kdfparams: pbkdf2Params }),
    ],
    { error: () => 'scrypt or pbkdf2' },
  ),
})

const REMEDY = 'Give a keystore file of version 3, as wallets export it.'
const ABOUT = { code: 'keystore-malformed', whole: 'keystore', remedy: REMEDY }

/** Reads a keystore's fields; decrypts nothing. */
export const parseKeystore = (source: Uint8Array): Result<Keystore> => {
  if (source.length > MAX_KEYSTORE_BYTES)
    return malformed(`${source.length} bytes`, `at most ${MAX_KEYSTORE_BYTES} bytes`)
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(source))
  } catch {
    return malformed('no JSON', 'a JSON object') // what it holds instead is not shown: it may be a secret
  }
  return decode(keystoreSchema, withCrypto(value), ABOUT)
}

/** Old files of MyEtherWallet say `Crypto`. */
const withCrypto = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null || !('Crypto' in value) || 'crypto' in value) return value
  return { ...value, crypto: value.Crypto }
}

const malformed = (value: string, limit: string): Result<never> =>
  fail({ code: ABOUT.code, field: ABOUT.whole, value, limit, remedy: REMEDY })

/** The text of a keystore file with this secret in it. */
export const sealSecret = async (
  secret: Secret,
  passphrase: string,
  { n, r, p }: ScryptCost = SCRYPT_COST,
): Promise<string> => {
  const [salt, iv] = [randomBytes(32), randomBytes(16)]
  const key = await deriveScrypt(normalised(passphrase), salt, { n, r, p })
  try {
    const cipher = createCipheriv('aes-128-ctr', key.subarray(0, 16), iv)
    const ciphertext = secret.use((bytes) => Buffer.concat([cipher.update(bytes), cipher.final()]))
    const file = {
      version: 3,
      id: randomUUID(),
      address: secret.address.slice(2).toLowerCase(),
      crypto: {
        cipher: 'aes-128-ctr',
        cipherparams: { iv: iv.toString('hex') },
        ciphertext: ciphertext.toString('hex'),
        kdf: 'scrypt',
        kdfparams: { dklen: 32, salt: salt.toString('hex'), n, r, p },
        mac: Buffer.from(macOf(key, ciphertext)).toString('hex'),
      },
    }
    return `${JSON.stringify(file, null, 2)}\n`
  } finally {
    key.fill(0)
  }
}

/**
 * The secret of a keystore. A wrong passphrase takes as long as the right one, but for what follows the comparison of
 * the codes: the key derivation is all of the time.
 */
export const unsealSecret = async (keystore: Keystore, passphrase: string): Promise<Result<Secret>> => {
  const { crypto, address } = keystore
  for (const form of formsOf(passphrase)) {
    const key =
      crypto.kdf === 'scrypt'
        ? await deriveScrypt(form, crypto.kdfparams.salt, crypto.kdfparams)
        : await derivePbkdf2(form, crypto.kdfparams.salt, crypto.kdfparams.c)
    try {
      if (!timingSafeEqual(macOf(key, crypto.ciphertext), crypto.mac)) continue
      const decipher = createDecipheriv('aes-128-ctr', key.subarray(0, 16), crypto.cipherparams.iv)
      const head = decipher.update(crypto.ciphertext)
      const secret = Secret.from(head)
      if (!secret.ok || address === undefined) return secret
      if (secret.value.address.toLowerCase() === bytesToHex(address)) return secret
      secret.value.wipe()
      return fail({
        code: 'keystore-inconsistent',
        field: 'keystore.address',
        value: bytesToHex(address),
        limit: 'the address of the key in the file',
        remedy: 'The file has been changed: use another copy of it.',
      })
    } finally {
      key.fill(0)
    }
  }
  return fail({
    code: 'passphrase-wrong',
    field: 'passphrase',
    value: 'another',
    limit: 'the one that the keystore was written with',
    remedy: 'Try again; without the passphrase only the recovery phrase brings the key back.',
  })
}

/** As ethers and the hardware wallets do, so that one passphrase typed on two keyboards is the same. */
const normalised = (passphrase: string): string => passphrase.normalize('NFKC')

/** Wallets that do not normalise have taken the characters as they were typed. */
const formsOf = (passphrase: string): Set<string> => new Set([normalised(passphrase), passphrase])

const deriveScrypt = async (
  passphrase: string,
  salt: Uint8Array,
  { n, r, p }: ScryptCost,
): Promise<Buffer> => {
  const options = { N: n, r, p, maxmem: 128 * r * (n + p + 2) + 2 ** 20 }
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, 32, options, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

const derivePbkdf2 = (passphrase: string, salt: Uint8Array, rounds: number): Promise<Buffer> =>
  promisify(pbkdf2)(passphrase, salt, rounds, 32, 'sha256')

/** The second half of the derived key authenticates what the first half encrypts. */
const macOf = (key: Uint8Array, ciphertext: Uint8Array): Uint8Array =>
  keccak256(Uint8Array.from([...key.subarray(16, 32), ...ciphertext]), 'bytes')
