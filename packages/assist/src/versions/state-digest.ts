import { toHex } from '@lockstep/proof'
import { sha256 } from '@lockstep/tensor'

/**
 * The SHA-256 of a model's state as 64 hexadecimal digits. Platforms hash beside the thread that asks, so a page does not stand
 * still for a million bytes; where a page is not served safely, it has no such thing and hashes itself.
 */
export const stateDigest = async (
  bytes: Uint8Array,
  platform: Subtle | null = subtleHere(),
): Promise<string> => {
  const digest = platform ? new Uint8Array(await platform.digest('SHA-256', bytes)) : sha256(bytes)
  return toHex(digest).slice(2)
}

/** The part of the platform's cryptography that is used here. */
type Subtle = { digest(name: 'SHA-256', bytes: Uint8Array): Promise<ArrayBuffer> }

const subtleHere = (): Subtle | null =>
  (globalThis as unknown as { readonly crypto?: { readonly subtle?: Subtle } }).crypto?.subtle ?? null
