import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import type { ConnectionEncrypter, MessageStream } from '@libp2p/interface'
import { type ICryptoInterface, type NoiseComponents, noise } from '@libp2p/noise'
import { defaultCrypto } from '@libp2p/noise/crypto'
import { Uint8ArrayList } from 'uint8arraylist'
import { noteMoved } from './young-garbage.ts'

/**
 * Noise as libp2p has it, the same bytes on the wire, with less work for them:
 * - Node is given the key as an object. A key of plain bytes costs it an exception with its stack for each message.
 * - What noise sends at once is written at once. In its pieces (a length of 2 bytes, the ciphertext, a tag of 16 bytes)
 *   each would be a call to the operating system, a packet, and a buffer of 64 KiB at the other side.
 */
export const encryption =
  () =>
  (components: NoiseComponents): ConnectionEncrypter => {
    const plain = noise({ crypto: noiseCrypto })(components)
    return {
      protocol: plain.protocol,
      secureInbound: (stream, options) => plain.secureInbound(sendingWhole(stream), options),
      secureOutbound: (stream, options) => plain.secureOutbound(sendingWhole(stream), options),
    }
  }

const CIPHER = 'chacha20-poly1305'
const TAG = 16
/** Below it the package's own cipher in WebAssembly is faster than a call to Node's. */
const SMALL = 1200

const keys = new WeakMap<Uint8Array, KeyObject>()
const keyOf = (bytes: Uint8Array): KeyObject => {
  const known = keys.get(bytes)
  if (known !== undefined) return known
  const key = createSecretKey(bytes)
  keys.set(bytes, key)
  return key
}

const piecesOf = (bytes: Uint8Array | Uint8ArrayList): Iterable<Uint8Array> =>
  bytes instanceof Uint8Array ? [bytes] : bytes

export const noiseCrypto: ICryptoInterface = {
  ...defaultCrypto,
  chaCha20Poly1305Encrypt(plaintext, nonce, associated, key) {
    if (plaintext.byteLength < SMALL)
      return defaultCrypto.chaCha20Poly1305Encrypt(plaintext, nonce, associated, key)
    const cipher = createCipheriv(CIPHER, keyOf(key), nonce, { authTagLength: TAG })
    cipher.setAAD(associated, { plaintextLength: plaintext.byteLength })
    const parts: Uint8Array[] = []
    for (const piece of piecesOf(plaintext)) parts.push(cipher.update(piece))
    parts.push(cipher.final(), cipher.getAuthTag())
    return new Uint8ArrayList(...parts)
  },
  chaCha20Poly1305Decrypt(ciphertext, nonce, associated, key, into) {
    if (ciphertext.byteLength < SMALL)
      return defaultCrypto.chaCha20Poly1305Decrypt(ciphertext, nonce, associated, key, into)
    const length = ciphertext.byteLength - TAG
    noteMoved(length)
    const decipher = createDecipheriv(CIPHER, keyOf(key), nonce, { authTagLength: TAG })
    decipher.setAAD(associated, { plaintextLength: length })
    decipher.setAuthTag(ciphertext.subarray(length))
    const text =
      ciphertext instanceof Uint8Array ? ciphertext.subarray(0, length) : ciphertext.sublist(0, length)
    const parts: Uint8Array[] = []
    for (const piece of piecesOf(text)) parts.push(decipher.update(piece))
    parts.push(decipher.final())
    return new Uint8ArrayList(...parts)
  },
}

/** What is sent at once leaves in one piece. It is copied for that, which costs less than a second call would. */
export const sendingWhole = (stream: MessageStream): MessageStream => {
  const send = stream.send.bind(stream)
  stream.send = (data) => {
    noteMoved(data.byteLength)
    return send(data instanceof Uint8Array ? data : data.subarray())
  }
  return stream
}
