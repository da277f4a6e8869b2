import type { MarketChain } from '@lockstep/contracts'
import type { Address, Hex } from 'viem'

export type PassTimeOptions = {
  readonly market: MarketChain
  readonly rpc: string
  readonly verifiers: () => readonly Address[]
  /** Not while a process is down: it would miss what it could have done in that time. */
  readonly mayPass: () => boolean
  /** Told when a window in which nobody challenges has been passed over. */
  readonly windowOver?: () => void
  /** Whether somebody knows better than a claim, and will challenge it. */
  readonly isDisputed: (claim: Hex) => boolean
}

/** Slices on which somebody is at work. */
const AT_WORK = new Set(['bidding', 'assigned', 'running'])

/**
 * Passes over time on a local chain in which nobody has anything to do: the rest of a round in which all verifiers have
 * said what they had to, and of a window in which nobody will challenge. Deadlines can so be long enough for a machine
 * that starts killed processes again.
 */
export const passTime = ({ market, rpc, verifiers, mayPass, isDisputed, windowOver }: PassTimeOptions) => {
  const { read, disputes } = market
  const ask = async (method: string, params: readonly unknown[]): Promise<void> => {
    const response = await fetch(rpc, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      signal: AbortSignal.timeout(5_000),
    })
    await response.arrayBuffer()
  }
  const passTo = async (time: number, now: number): Promise<boolean> => {
    if (time <= now || !mayPass()) return false
    await ask('evm_increaseTime', [time - now])
    await ask('evm_mine', [])
    return true
  }

  const pass = async (job: number): Promise<void> => {
    if (!mayPass()) return
    const { status, slices } = await read.job(job)
    if (status !== 'open' && status !== 'cancelled') return
    const all = await Promise.all([...Array(slices).keys()].map((slice) => read.progress(job, slice)))
    const now = await market.now()
    for (const progress of all) {
      if (progress.status !== 'claimed') continue
      const audit = await read.audit(progress.claim)
      if (audit.status === 'drawing') {
        const { begin, half, end } = await read.roundTimes(audit.round)
        const seals = await Promise.all(
          verifiers().map((account) => read.secretCommitment(audit.round, account)),
        )
        const committed = seals.filter((seal) => BigInt(seal) !== 0n).length
        if (now < begin) await passTo(begin, now)
        else if (now < half && committed === seals.length) await passTo(half, now)
        else if (now >= half && now < end && committed === 0) await passTo(end, now)
        return
      }
      if (all.some((other) => AT_WORK.has(other.status))) return
      const claimed = all.filter(({ status }) => status === 'claimed')
      const audits = await Promise.all(claimed.map(({ claim }) => read.audit(claim)))
      const claims = await Promise.all(claimed.map(({ claim }) => disputes.readClaim(claim)))
      // A dispute over one of them is played while the others wait.
      const isQuiet =
        audits.every((other) => other.status === 'done') &&
        claims.every(({ status, open }) => status === 'standing' && open === 0) &&
        !claimed.some((other) => isDisputed(other.claim))
      if (isQuiet && (await passTo(Math.min(...claims.map(({ until }) => until)), now))) windowOver?.()
      return
    }
  }
  return { pass, passTo: async (time: number) => passTo(time, await market.now()) }
}
