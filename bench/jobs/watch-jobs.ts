import type { Client } from '@lockstep/client'

/** How far the jobs of a market are, from their events. */
export type JobsWatch = {
  /** Takes in what has happened since. */
  readonly look: () => Promise<void>
  readonly claimed: () => number
  readonly settled: () => number
  readonly closed: () => number
  /** Attempts that failed, by reason. */
  readonly failed: ReadonlyMap<string, number>
  /** Seconds from the end of each settled claim's window to its settlement. */
  readonly lags: readonly number[]
  /** Seconds from a job's posting to its settlement. */
  readonly lives: readonly number[]
}

export const watchJobs = ({ chain }: Client, from: number): JobsWatch => {
  let next = from
  const windows = new Map<string, number>()
  const claims = new Map<bigint, string>()
  const posted = new Map<bigint, number>()
  const failed = new Map<string, number>()
  const lags: number[] = []
  const lives: number[] = []
  let closed = 0
  const { reader } = chain.connection
  return {
    ...{ failed, lags, lives },
    claimed: () => claims.size,
    settled: () => lags.length,
    closed: () => closed,
    look: async () => {
      const head = Number(await reader.getBlockNumber())
      if (head < next) return
      const times = new Map<number, number>()
      const timeOf = async (block: number): Promise<number> => {
        const known = times.get(block)
        if (known !== undefined) return known
        const time = Number((await reader.getBlock({ blockNumber: BigInt(block) })).timestamp)
        times.set(block, time)
        return time
      }
      for (const event of await chain.events(next, head)) {
        if (event.name === 'Claimed') windows.set(event.args.claim, Number(event.args.until))
        else if (event.name === 'JobPosted') posted.set(event.args.job, await timeOf(event.block))
        else if (event.name === 'SliceClaimed') claims.set(event.args.job, event.args.claim)
        else if (event.name === 'SliceSettled') {
          const time = await timeOf(event.block)
          lags.push(time - windows.get(claims.get(event.args.job)!)!)
          lives.push(time - posted.get(event.args.job)!)
        } else if (event.name === 'JobClosed') closed++
        else if (event.name === 'AttemptFailed') {
          const reason = String(event.args.fault)
          failed.set(reason, (failed.get(reason) ?? 0) + 1)
        }
      }
      next = head + 1
    },
  }
}
