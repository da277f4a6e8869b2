import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Channel, createPeer, type NetworkId, newPeerKey, type Peer, silent } from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import { type BlobService, type BlobServiceOptions, blobService } from '../../src/blob/blob-service.ts'
import { type BlobStore, type BlobStoreOptions, openBlobStore } from '../../src/blob/blob-store.ts'
import type { BlobPeer } from '../../src/blob/link.ts'

export const network: NetworkId = { chainId: 31337, market: `0x${'22'.repeat(20)}`, version: 1 }

/** A directory that goes with the test. */
export const directoryFor = (t: TestContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'lockstep-blobs-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export const startPeer = async (): Promise<Peer> =>
  unwrap(
    await createPeer({
      key: await newPeerKey(),
      network,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      bootstrap: [],
      clock: Date.now,
      log: silent,
    }),
  )

export type Party = {
  readonly peer: Peer
  readonly store: BlobStore
  readonly service: BlobService
  /** Numbers of the chunks that left here, as they were written to the wire. */
  readonly sent: number[]
  /** What this peer has against others: kinds of misconduct. */
  readonly blamed: { readonly peer: string; readonly misconduct: string }[]
}

export type PartyOptions = BlobServiceOptions & {
  readonly store?: Partial<BlobStoreOptions>
  readonly directory?: string
  /** Changes what the store gives to others. */
  readonly serving?: (store: BlobStore) => BlobStore
}

/** A peer with a store and a service that serves it. */
export const joinParty = async (t: TestContext, options: PartyOptions = {}): Promise<Party> => {
  const peer = await startPeer()
  const directory = options.directory ?? directoryFor(t)
  const store = unwrap(await openBlobStore(directory, { maxBytes: 2 ** 31, ...options.store }))
  const sent: number[] = []
  const blamed: { peer: string; misconduct: string }[] = []
  const tapped: BlobPeer = {
    id: peer.id,
    openStream: peer.openStream,
    handleStream: (definition, handler) =>
      peer.handleStream(definition, (channel) => handler(tap(channel, sent))),
    penalise: (whom, misconduct, detail) => {
      blamed.push({ peer: whom, misconduct })
      peer.penalise(whom, misconduct, detail)
    },
  }
  const service = blobService(tapped, options.serving?.(store) ?? store, options)
  service.serve()
  t.after(async () => {
    await service.stop()
    await peer.stop()
    await store.close()
  })
  return { peer, store, service, sent, blamed }
}

const tap = (channel: Channel, sent: number[]): Channel => ({
  ...channel,
  writeMessage: (message, maxBytes) => {
    const { chunk, count, bytes } = message as { chunk?: number; count?: number; bytes?: number | null }
    if (chunk !== undefined && bytes !== null) for (let i = 0; i < count!; i++) sent.push(chunk + i)
    return channel.writeMessage(message, maxBytes)
  },
})

export const dial = async (from: Peer, to: Peer): Promise<void> => {
  unwrap(await from.dial(to.addresses()[0]!))
}

/** A store that gives other bytes than it holds for some chunks. */
export const lying =
  (lie: (chunk: number, bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>) =>
  (store: BlobStore): BlobStore =>
    new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target)
        if (name === 'readRun')
          return async (id: never, first: number) => {
            const bytes = await target.readRun(id, first, 1)
            return bytes.ok ? { ok: true, value: await lie(first, bytes.value) } : bytes
          }
        return typeof value === 'function' ? value.bind(target) : value
      },
    })

export const flipped = (bytes: Uint8Array): Uint8Array => {
  const other = Buffer.from(bytes)
  other[other.length >> 1]! ^= 1
  return other
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export const eventually = async (what: string, holds: () => boolean, ms = 120_000): Promise<void> => {
  const end = performance.now() + ms
  while (!holds()) {
    assert.ok(performance.now() < end, `not within ${ms} ms: ${what}`)
    await pause(10)
  }
}
