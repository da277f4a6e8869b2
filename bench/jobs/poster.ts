import { join } from 'node:path'
import {
  type Client,
  type NetworkFile,
  openClient,
  type Plan,
  parseManifest,
  planJob,
  postOf,
} from '@lockstep/client'
import { MARKET_ERRORS, type MarketLog, marketEvents, readMinimumBond } from '@lockstep/contracts'
import { hashBlob } from '@lockstep/network'
import { openStore, type Secret, startTransactor } from '@lockstep/node'
import { unwrap } from '@lockstep/tensor'

/** Posts small jobs, each with a state of its own to begin with, several at a time. */
export type Poster = {
  readonly client: Client
  /** Posts the job of this number in the bench, announces it and hands out its blobs; gives its number on the chain. */
  readonly post: (index: number) => Promise<number>
  readonly close: () => Promise<void>
}

/** Seconds. The window is longer by a minute than what the contracts take for these: a claim may be made late. */
export const TIMES = {
  ...{ bidding: 2, inclusion: 1, receipt: 300, run: 120, audit: 60, answer: 10, window: 240 },
  ...{ clock: 60, segment: 20, step: 15, move: 10, deadline: 7_200 },
} as const

const TEXT = new TextEncoder().encode('the quick brown fox jumps over the lazy dog. '.repeat(8))

/** The smallest transformer: one slice of two segments, all of it audited by one verifier. */
const planOf = (seed: number): Plan =>
  planJob(
    parseManifest(
      new TextEncoder().encode(
        JSON.stringify({
          name: 'small',
          data: { text: 'text.txt' },
          model: { layers: 1, width: 8, heads: 1, context: 8 },
          training: { seed, batch: 1, steps: 4, warmup: 1 },
          segments: { every: 2 },
          market: {
            ...{ auditRate: 10_000, auditors: 1, ceiling: '0.01', auditPrice: '0.01' },
            times: TIMES,
          },
        }),
      ),
    ),
    TEXT,
    { blobId: (bytes) => hashBlob(bytes).id, throughput: 1e9 },
  )

export const openPoster = async (
  network: NetworkFile,
  account: Secret,
  directory: string,
): Promise<Poster> => {
  const client = await openClient({ network, account: account.account() })
  const { connection, calls } = client.chain
  const store = await openStore(join(directory, 'poster.sqlite'))
  const transactor = await startTransactor({
    ...{ store, chain: connection, accounts: [account.account()], errors: MARKET_ERRORS },
    ...{ confirmations: 0, pollingInterval: 250, inFlight: 64 },
  })
  const minimumBond = await readMinimumBond(connection, network.addresses.disputes)
  const decode = marketEvents(network.addresses)
  return {
    client,
    post: async (index) => {
      const plan = planOf(index)
      const now = Math.floor(Date.now() / 1000)
      const sent = unwrap(
        await transactor.send(`post:${index}`, calls.post(postOf(plan, { now, minimumBond }))),
      )
      const posted = sent.logs
        .map((log) => decode(log as MarketLog))
        .find((event) => event?.name === 'JobPosted')
      const job = Number((posted!.args as { readonly job: bigint }).job)
      unwrap(await client.publish(job, plan))
      return job
    },
    close: async () => {
      await transactor.stop()
      await store.close()
      await client.close()
    },
  }
}
