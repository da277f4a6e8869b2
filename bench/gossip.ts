import { createPeer, newPeerKey, type Peer, silent, type Topic } from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import { z } from 'zod'
import { type Bench, median, type Row } from './row.ts'

/**
 * A hundred peers in one process on loopback, each of which was told one address: how long until all have heard of a
 * job. The target is for the last of them; a real network has a processor for each.
 */
const PEERS = 100
const ROUNDS = 10
const TARGET_SECONDS = 3

type Job = { job: number; manifest: string }
const jobs = {
  name: 'jobs',
  version: 1,
  schema: z.strictObject({ job: z.int(), manifest: z.string() }),
  maxBytes: 64_000,
  authorRate: { perSecond: 10, burst: 20 },
}
const network = { chainId: 31337, market: `0x${'11'.repeat(20)}`, version: 1 }

export const bench: Bench = async ({ quick }) => {
  const count = quick ? 20 : PEERS
  const peers: Peer[] = []
  const add = async (bootstrap: string[]): Promise<void> => {
    const made = await createPeer({
      key: await newPeerKey(),
      network,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      bootstrap,
      clock: Date.now,
      log: silent,
      limits: { fewPeers: 8, dialMs: 60_000, helloMs: 60_000 },
    })
    peers.push(unwrap(made))
  }
  await add([])
  while (peers.length < count) await add([peers[0]!.addresses()[0]!])

  const heardAt: Map<number, number>[] = peers.map(() => new Map())
  const topics = peers.map((peer): Topic<Job> => peer.topic(jobs))
  topics.forEach((topic, i) =>
    topic.subscribe(({ body }) => void heardAt[i]!.set(body.job, performance.now())),
  )
  await settled(
    () => topics.every((topic) => topic.listeners().length >= Math.min(6, count - 1)),
    120_000,
    'company',
  )
  await pause(3000)

  const medians: number[] = []
  const worst: number[] = []
  for (let job = 1; job <= (quick ? 3 : ROUNDS); job++) {
    const from = (job * 37) % count
    const start = performance.now()
    unwrap(await topics[from]!.publish({ job, manifest: 'x'.repeat(8000) }))
    await settled(() => heardAt.every((at, i) => i === from || at.has(job)), 30_000, `job ${job}`)
    const seconds = heardAt.filter((_, i) => i !== from).map((at) => (at.get(job)! - start) / 1000)
    medians.push(median(seconds))
    worst.push(Math.max(...seconds))
    await pause(500)
  }
  await Promise.all(peers.map((peer) => peer.stop()))

  const row = (what: string, ours: number): Row => ({
    what: `gossip, ${count} peers, a job of 8 kB: ${what}`,
    ours,
    unit: 's',
    against: 'allowed',
    theirs: TARGET_SECONDS,
    ratio: TARGET_SECONDS / ours,
    target: 1,
    met: ours <= TARGET_SECONDS,
  })
  return [
    row('half have heard (median of the jobs)', median(medians)),
    row('all have heard (median of the jobs)', median(worst)),
    row('all have heard (the slowest job)', Math.max(...worst)),
  ]
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const settled = async (holds: () => boolean, ms: number, what: string): Promise<void> => {
  for (const end = performance.now() + ms; !holds(); await pause(10))
    if (performance.now() > end) throw new Error(`no ${what} within ${ms / 1000} s`)
}
