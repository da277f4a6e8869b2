import { callsOf, disputesAbi } from '@lockstep/contracts'
import { ok, type Result } from '@lockstep/tensor'
import { sendIntent } from './carry-out.ts'
import type { NodeParts } from './parts.ts'

/** So many bonds may wait to be taken back: each time costs gas. */
export const BONDS_LEFT = 16n

/**
 * Bonds and rewards of what has ended wait in Disputes: without them a key that claims or challenges often would run out
 * of coins. Taken where they are at least this much, since each time costs gas.
 */
export const takeBondsBack = async (
  parts: NodeParts,
  suffix: string,
  least: bigint,
): Promise<Result<unknown>> => {
  const { disputes, addresses, self } = parts
  if ((await disputes.credit(self.key)) < least) return ok(undefined)
  const call = callsOf('disputes', addresses.disputes, disputesAbi)('withdraw', [self.key])
  return sendIntent(parts, `withdraw:${suffix}`, call)
}
