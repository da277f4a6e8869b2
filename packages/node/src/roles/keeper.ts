import { callsOf, disputesAbi } from '@lockstep/contracts'
import type { Hands } from './carry-out.ts'
import { sendIntent } from './carry-out.ts'
import type { NodeParts } from './parts.ts'

/** Changes of weights that one transaction applies. */
const WEIGHTS_AT_ONCE = 32

/** Carries out what anyone may do. An intent's name holds the state that it ends, so that the next one is another. */
export const keeperHands = (parts: NodeParts): Hands => {
  const { calls, addresses, view } = parts
  const disputeCall = callsOf('disputes', addresses.disputes, disputesAbi)
  return {
    advance: async ({ job, slice }) => {
      const { status, attempt, since } = (await view.market()).jobs.get(job)?.slices[slice]?.progress ?? {}
      return sendIntent(
        parts,
        `advance:${job}:${slice}:${attempt}:${status}:${since}`,
        calls.advance(job, slice),
      )
    },
    close: ({ job }) => sendIntent(parts, `close:${job}`, calls.close(job)),
    draw: async ({ claim }) => {
      const round = (await view.market()).audits.get(claim)?.round
      return sendIntent(parts, `draw:${claim}:${round}`, calls.drawAuditors(claim))
    },
    finish: async ({ claim }) => {
      const { status, deadline } = (await view.market()).audits.get(claim) ?? {}
      return sendIntent(parts, `finish:${claim}:${status}:${deadline}`, calls.finishAudit(claim))
    },
    finishSeat: async ({ claim, seat }) => {
      const found = (await view.market()).audits.get(claim)?.seats[seat]
      const intent = `finishSeat:${claim}:${seat}:${found?.status}:${found?.deadline}`
      return sendIntent(parts, intent, calls.finishSeat(claim, seat))
    },
    applyWeights: ({ due }) => sendIntent(parts, `applyWeights:${due}`, calls.applyChanges(WEIGHTS_AT_ONCE)),
    timeout: async ({ dispute }) => {
      const { deadline } = (await view.market()).disputes.find(({ number }) => number === dispute) ?? {}
      return sendIntent(parts, `timeout:${dispute}:${deadline}`, disputeCall('timeout', [BigInt(dispute)]))
    },
  }
}
