import type { Call } from '@lockstep/contracts'
import { describeFault, type Fault, type Result } from '@lockstep/tensor'
import type { Duty } from '../flow/duty.ts'
import type { NodeParts } from './parts.ts'

/** How to do each kind of duty that a role has. */
export type Hands = {
  readonly [K in Duty['do']]?: (duty: Extract<Duty, { readonly do: K }>) => Promise<Result<unknown>>
}

/**
 * What the contracts refuse because somebody else was faster, or the chain has moved on: no trouble, and nothing to be
 * tried again as it is.
 */
const OVERTAKEN = new Set([
  'NotDue',
  'WrongSliceStatus',
  'WrongAuditStatus',
  'WrongSeatStatus',
  'WrongJobStatus',
  'WrongClaimStatus',
  'BidNotBetter',
  'BidUsedUp',
  'AlreadyTried',
  'TooLate',
  'NoBounty',
  'DisputeOver',
  'NotLate',
  'TooEarly',
])

export const isOvertaken = (fault: Fault): boolean =>
  (fault.code === 'call-refused' || fault.code === 'reverted') && OVERTAKEN.has(String(fault.value))

/** Sends a call as an intent of that name, and logs what came of it. */
export const sendIntent = async (
  { transactor, log, stopped, seen }: Pick<NodeParts, 'transactor' | 'log' | 'stopped' | 'seen'>,
  intent: string,
  call: Call,
  deadline?: number,
): Promise<Result<unknown>> => {
  const sent = await transactor.send(intent, call, {
    signal: stopped,
    ...(deadline !== undefined && { deadline }),
  })
  if (sent.ok) {
    log.info({ intent, block: Number(sent.value.blockNumber) }, call.name)
    await seen(Number(sent.value.blockNumber))
  } else if (isOvertaken(sent.fault))
    log.debug({ intent, fault: sent.fault }, `${call.name} was not needed any more`)
  else log.warn({ intent, fault: sent.fault }, `${call.name}: ${describeFault(sent.fault)}`)
  return sent
}
