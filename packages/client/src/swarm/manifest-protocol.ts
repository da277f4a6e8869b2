import { setTimeout as sleep } from 'node:timers/promises'
import type { Peer, ProtocolDefinition } from '@lockstep/network'
import { FaultError, fail, ok, type Result } from '@lockstep/tensor'
import { z } from 'zod'
import { MAX_MANIFEST_BYTES } from '../manifest/parse.ts'
import { hex32 } from '../wire/fields.ts'
import { canonicalSwarmManifest, parseSwarmManifest, swarmManifestHash } from './parse.ts'
import type { SwarmManifest } from './schema.ts'

type Asked = { readonly hash: string }
type Given = { readonly manifest: string }

/** Asks a peer for a swarm's manifest by its hash, which is on the chain. */
export const swarmManifestProtocol: ProtocolDefinition<Asked, Given> = {
  name: 'swarm-manifest',
  version: 1,
  request: z.strictObject({ hash: hex32 }),
  response: z.strictObject({ manifest: z.string().max(MAX_MANIFEST_BYTES) }),
  maxRequestBytes: 256,
  maxResponseBytes: 2 * MAX_MANIFEST_BYTES,
  timeoutMs: 10_000,
  rate: { perSecond: 1, burst: 10 },
  concurrency: 8,
}

/** Gives manifests to whoever asks for them by their hash. */
export const serveSwarmManifests = (
  peer: Pick<Peer, 'protocol'>,
  manifests: readonly SwarmManifest[],
): void => {
  const texts = new Map(
    manifests.map((one) => [swarmManifestHash(one) as string, canonicalSwarmManifest(one)]),
  )
  peer.protocol(swarmManifestProtocol).serve(({ hash }) => {
    const manifest = texts.get(hash.toLowerCase())
    return manifest === undefined ? fail(unknown(hash, 'none here')) : ok({ manifest })
  })
}

const LOOK_MS = 200

/**
 * A swarm's manifest by its hash, from whichever peer has it: each is asked once, in turn, as they are met, until `within`
 * milliseconds are over. Another text than the hash's costs its sender.
 */
export const fetchSwarmManifest = async (
  peer: Pick<Peer, 'protocol' | 'peers' | 'penalise'>,
  hash: string,
  within: number,
): Promise<Result<SwarmManifest>> => {
  const protocol = peer.protocol(swarmManifestProtocol)
  const end = performance.now() + within
  const asked = new Set<string>()
  for (;;) {
    for (const { id } of peer.peers()) {
      if (asked.has(id)) continue
      asked.add(id)
      const given = await protocol.request(id, { hash })
      if (!given.ok) continue
      const manifest = read(given.value.manifest, hash)
      if (manifest !== undefined) return ok(manifest)
      peer.penalise(id, 'malformed', `another text than the manifest of ${hash}`)
    }
    if (performance.now() > end)
      return fail(unknown(hash, asked.size === 0 ? 'no peer' : `asked ${asked.size} peers, none has it`))
    await sleep(LOOK_MS)
  }
}

const read = (text: string, hash: string): SwarmManifest | undefined => {
  try {
    const manifest = parseSwarmManifest(new TextEncoder().encode(text))
    return swarmManifestHash(manifest) === hash.toLowerCase() ? manifest : undefined
  } catch (error) {
    if (error instanceof FaultError) return undefined
    throw error
  }
}

const unknown = (hash: string, value: string) => ({
  code: 'manifest-unknown',
  field: `manifest ${hash}`,
  value,
  limit:
    'a peer that has it: participants of the swarm have, and `lockstep swarm watch` where it was created',
  remedy: 'Wait until one of them is up, or give its file with --manifest.',
})
