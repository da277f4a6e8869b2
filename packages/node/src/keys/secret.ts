import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { fail, ok, type Result } from '@lockstep/tensor'
import { type Address, bytesToHex, type PrivateKeyAccount } from 'viem'
import { privateKeyToAccount, privateKeyToAddress } from 'viem/accounts'

/** The number of points of secp256k1 (SEC 2, 2.4.1): a private key is below it. */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

/**
 * A private key in memory. It prints as its address wherever it is printed, and is zeroed by `wipe`. What signing
 * needs on the way (the library's hexadecimal string) is out of reach of that: JavaScript's strings cannot be zeroed.
 */
export class Secret {
  readonly address: Address
  readonly #bytes: Uint8Array
  #wiped = false

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.address = privateKeyToAddress(bytesToHex(bytes))
  }

  static generate(): Secret {
    for (;;) {
      const made = Secret.from(randomBytes(32))
      if (made.ok) return made.value
    }
  }

  /** Takes the bytes over: they are copied, and the caller's are zeroed. */
  static from(bytes: Uint8Array): Result<Secret> {
    const isKey = bytes.length === 32 && inOrder(bytes)
    const own = isKey ? Uint8Array.from(bytes) : undefined
    const { length } = bytes
    bytes.fill(0)
    if (own) return ok(new Secret(own))
    return fail({
      code: 'key-malformed',
      field: 'private key',
      value: length === 32 ? 'out of range' : `${length} bytes`,
      limit: '32 bytes, above zero and below the order of secp256k1',
      remedy: 'Give the whole private key.',
    })
  }

  /** The account that signs with this key. */
  account(): PrivateKeyAccount {
    return privateKeyToAccount(this.use((bytes) => bytesToHex(bytes)))
  }

  /** Lends the bytes for as long as `fn` runs; whoever copies them zeroes the copy. */
  use<T>(fn: (bytes: Uint8Array) => T): T {
    if (this.#wiped) throw new Error('the secret has been wiped')
    return fn(this.#bytes)
  }

  /** Zeroes the key. Accounts made of it before go on signing. */
  wipe(): void {
    this.#bytes.fill(0)
    this.#wiped = true
  }

  [Symbol.dispose](): void {
    this.wipe()
  }

  toString(): string {
    return `secret of ${this.address}`
  }

  toJSON(): string {
    return this.toString()
  }

  [inspect.custom](): string {
    return this.toString()
  }
}

const inOrder = (bytes: Uint8Array): boolean => {
  const value = BigInt(bytesToHex(bytes))
  return value > 0n && value < ORDER
}
