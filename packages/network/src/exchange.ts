import { randomInt } from 'node:crypto'
import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type ZodType, z } from 'zod'
import type { PeerId } from './peer-key.ts'
import type { ProtocolDefinition } from './protocol.ts'

/** Peers tell each other of peers: address records that each has signed for itself, so that nobody can send us astray. */

const RECORDS = 16
const RECORD_BYTES = 2048

export type PeerRecord = { readonly id: PeerId; readonly record: string }

const request: ZodType<Record<string, never>> = z.strictObject({}) as ZodType<Record<string, never>>
const response: ZodType<PeerRecord[]> = z
  .array(z.strictObject({ id: z.string().max(100), record: z.base64().max((RECORD_BYTES * 4) / 3 + 4) }))
  .max(RECORDS)

export const EXCHANGE: ProtocolDefinition<Record<string, never>, PeerRecord[]> = {
  name: 'peers',
  version: 1,
  request,
  response,
  maxRequestBytes: 16,
  maxResponseBytes: RECORDS * (RECORD_BYTES * 2 + 200),
  timeoutMs: 10_000,
  rate: { perSecond: 2, burst: 10 },
  concurrency: 64,
}

/** Records of some of these peers, picked at random. */
export const recordsOf = async (libp2p: Libp2p, peers: readonly PeerId[]): Promise<PeerRecord[]> => {
  const picked = shuffled(peers).slice(0, RECORDS)
  const records: PeerRecord[] = []
  for (const id of picked) {
    try {
      const { peerRecordEnvelope } = await libp2p.peerStore.get(peerIdFromString(id))
      if (peerRecordEnvelope !== undefined && peerRecordEnvelope.length <= RECORD_BYTES)
        records.push({ id, record: Buffer.from(peerRecordEnvelope).toString('base64') })
    } catch {
      // It has just been forgotten.
    }
  }
  return records
}

/** Takes a record into the address book if the peer itself has signed it. */
export const takeRecord = async (libp2p: Libp2p, { id, record }: PeerRecord): Promise<boolean> => {
  try {
    await libp2p.peerStore.consumePeerRecord(Buffer.from(record, 'base64'), {
      expectedPeer: peerIdFromString(id),
    })
    return true
  } catch {
    return false
  }
}

export const shuffled = <T>(list: readonly T[]): T[] => {
  const out = [...list]
  for (let i = out.length - 1; i > 0; i--) {
    const j = randomInt(i + 1)
    ;[out[i], out[j]] = [out[j]!, out[i]!]
  }
  return out
}
