import { type Post, parseAmount } from '@lockstep/market'
import type { Hex } from '@lockstep/proof'
import type { Plan } from './plan.ts'

export type PostTerms = {
  /** The chain's seconds: the job's deadline counts from here. */
  readonly now: number
  /** Native coin: the least that Disputes takes, where the manifest says none. */
  readonly minimumBond: bigint
}

/** A plan as the contract takes it. */
export const postOf = (plan: Plan, { now, minimumBond }: PostTerms): Post => {
  const { ceiling, auditPrice, auditRate, auditors, bond, times, allowed, banned } = plan.manifest.market
  const { run: _, segment, step, move, deadline, ...same } = times
  return {
    programs: plan.programs.map(({ header }) => header),
    slices: plan.slices,
    manifest: plan.manifestHash,
    ceiling: parseAmount(ceiling)!,
    auditPrice: parseAmount(auditPrice)!,
    bond: bond === undefined ? minimumBond : parseAmount(bond)!,
    auditRate,
    auditors,
    times: { ...same, segmentTime: segment, stepTime: step, moveTime: move, deadline: now + deadline },
    allowed: allowed as Hex[],
    banned: banned as Hex[],
  }
}
