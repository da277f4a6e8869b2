import { type ChainReader, readHeader, rpcOf } from './chain-reads.ts'

/** The chain's time as far as this machine knows: deadlines are the chain's, not the machine's. */
export type ChainClock = {
  /** Asks the chain; gives the time of its next block, in seconds. */
  readonly look: () => Promise<number>
  /** The time of the next block by the last look and the seconds since; 0 before the first look. */
  readonly now: () => number
}

export const chainClock = (chain: ChainReader): ChainClock => {
  const rpc = rpcOf(chain)
  let seen = { chain: 0, machine: 0 }
  const now = (): number =>
    seen.chain === 0 ? 0 : seen.chain + Math.floor((performance.now() - seen.machine) / 1000)
  return {
    now,
    look: async () => {
      // Not every node has a pending block; the next one is then at least a second after the latest.
      const pending = await readHeader(rpc, 'pending').catch(() => undefined)
      const latest = pending === undefined ? await readHeader(rpc, 'latest') : undefined
      const time = pending?.timestamp ?? (latest === undefined ? 0 : latest.timestamp + 1)
      // Without a pending block an idle chain's time would stand still; this machine's goes on from the last look.
      seen = { chain: pending === undefined ? Math.max(time, now()) : time, machine: performance.now() }
      return time === 0 ? 0 : now()
    },
  }
}
