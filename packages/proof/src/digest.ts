import { FaultError } from '@lockstep/tensor'

/** 32 bytes. Trees keep digests packed; messages carry them as hex, as a contract's bindings do. */
export type Digest = Uint8Array<ArrayBufferLike>
export type Hex = `0x${string}`

export const ZERO: Digest = new Uint8Array(32)
export const ZERO_HEX: Hex = `0x${'00'.repeat(32)}`

export const isZero = (digest: Digest): boolean => digest.every((byte) => byte === 0)

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i])

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export const toHex = (bytes: Uint8Array): Hex => {
  let text = '0x'
  for (const byte of bytes) text += HEX[byte]
  return text as Hex
}

/** Bytes of a hex text; undefined where it is not one: texts come from outside. */
export const fromHex = (text: string): Uint8Array<ArrayBuffer> | undefined => {
  if (!/^0x([0-9a-fA-F]{2})*$/.test(text)) return undefined
  const bytes = new Uint8Array(text.length / 2 - 1)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i + 2, 2 * i + 4), 16)
  return bytes
}

/** The digest that a hex text holds; a fault where it is not 32 bytes. */
export const digestFromHex = (text: string): Digest => {
  const bytes = fromHex(text)
  if (bytes?.length === 32) return bytes
  throw new FaultError({
    code: 'digest-malformed',
    field: 'digest',
    value: text,
    limit: '0x and 64 hex digits',
    remedy: 'Give the digest as it was posted.',
  })
}
