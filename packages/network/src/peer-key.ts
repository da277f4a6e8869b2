import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { catchFault, FaultError, type Result } from '@lockstep/tensor'

/** A peer's public name, derived from its key: base58 text such as 12D3KooW... */
export type PeerId = string

/** A new identity (Ed25519) as bytes. The caller keeps them: the same bytes are the same peer. */
export const newPeerKey = async (): Promise<Uint8Array> =>
  privateKeyToProtobuf(await generateKeyPair('Ed25519'))

export const decodePeerKey = (key: Uint8Array): Result<PrivateKey> =>
  catchFault(() => {
    try {
      return privateKeyFromProtobuf(key)
    } catch (error) {
      throw new FaultError({
        code: 'peer-key-malformed',
        field: 'peer key',
        value: `${key.length} bytes (${error instanceof Error ? error.message : error})`,
        limit: 'bytes that newPeerKey gave',
        remedy: 'Restore the file from a copy, or make a new key: the peer then has a new id.',
      })
    }
  })

/** The id that a peer with this key has. */
export const peerIdOf = (key: Uint8Array): Result<PeerId> => {
  const decoded = decodePeerKey(key)
  return decoded.ok ? { ok: true, value: peerIdFromPrivateKey(decoded.value).toString() } : decoded
}
