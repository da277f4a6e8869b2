import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import {
  createPeer,
  type Log,
  type NetworkId,
  newPeerKey,
  type Peer,
  type PeerOptions,
} from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'

/** Real peers on loopback for tests; all are stopped when the test ends. */

export const network: NetworkId = { chainId: 31337, market: `0x${'11'.repeat(20)}`, version: 1 }
export const TCP = '/ip4/127.0.0.1/tcp/0'
export const WS = '/ip4/127.0.0.1/tcp/0/ws'

export type Logged = {
  readonly level: string
  readonly message: string
  readonly fields: Record<string, unknown>
}

export const recorder = (): { log: Log; lines: Logged[] } => {
  const lines: Logged[] = []
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, fields: fields as Record<string, unknown> })
  return { lines, log: { debug: at('debug'), info: at('info'), warn: at('warn') } }
}

export type TestPeer = Peer & { readonly lines: Logged[] }

export const start = async (
  t: Pick<TestContext, 'after'>,
  options: Partial<PeerOptions> = {},
): Promise<TestPeer> => {
  const { log, lines } = recorder()
  const peer = unwrap(
    await createPeer({
      key: await newPeerKey(),
      network,
      listen: [TCP],
      bootstrap: [],
      clock: Date.now,
      log,
      ...options,
    }),
  )
  t.after(() => peer.stop())
  return { ...peer, lines }
}

/** An address of the peer, with its id. */
export const addressOf = (peer: Peer, like = /\/tcp\//): string => {
  const address = peer.addresses().find((a) => like.test(a))
  assert.ok(address, `${peer.addresses()} has none like ${like}`)
  return address
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits until it holds; fails with what it is about when it does not within the time. */
export const eventually = async (what: string, holds: () => boolean, ms = 120_000): Promise<void> => {
  const end = Date.now() + ms
  while (!holds()) {
    assert.ok(Date.now() < end, `not within ${ms} ms: ${what}`)
    await pause(20)
  }
}

/** Bytes in use after everything that can go has gone. Needs --expose-gc, which it turns on itself. */
export const heapInUse = async (): Promise<number> => {
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  for (let i = 0; i < 3; i++) {
    gc()
    await pause(20)
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Lets a process of its own attack the peer under so many names, and gives what it sent. */
export const attack = async (
  peer: Peer,
  what: 'requests' | 'topic',
  names: number,
): Promise<{ sent: number; ids: string[] }> => {
  const script = new URL('attacker-process.ts', import.meta.url).pathname
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [script, addressOf(peer), what, String(names)],
    {
      timeout: 300_000,
    },
  )
  return JSON.parse(stdout) as { sent: number; ids: string[] }
}
