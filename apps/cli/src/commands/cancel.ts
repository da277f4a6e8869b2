import { formatAmount } from '@lockstep/market'
import { unwrap } from '@lockstep/tensor'
import { badInput } from '../cli-error.ts'
import { type ActingOptions, actingKey } from '../network/accounts.ts'
import { homeOf } from '../network/home.ts'
import { networkFor } from '../network/network-source.ts'
import { openMarket } from '../network/reach.ts'
import type { Terminal } from '../terminal.ts'
import { requireJob } from './status.ts'

export type CancelOptions = ActingOptions

/** Begins no attempt of a job any more. What runs goes on, and is paid; what is not spent comes back at its close. */
export const cancelCommand = async (
  job: number,
  options: CancelOptions,
  terminal: Terminal,
): Promise<void> => {
  const home = homeOf(options.home)
  const network = await networkFor(home, options.network)
  const { account } = options
  const secret = await actingKey(home, options)
  const look = await openMarket(network)
  const { requester, status, escrow, slices } = await requireJob(look, job)
  if (status !== 'open')
    throw badInput('job-over', `job ${job}`, status, 'an open job', 'There is nothing to cancel.')
  if (requester.toLowerCase() !== secret.address.toLowerCase())
    throw badInput(
      'requester-differs',
      '--account',
      `${account}, ${secret.address}`,
      `${requester}, who posted job ${job}`,
      'Name the account that posted it.',
    )
  const market = await openMarket(network, secret.account())
  unwrap(await market.send(market.calls.cancel(job)))
  const left = await Promise.all(
    Array.from({ length: slices }, (_, slice) => market.read.progress(job, slice)),
  )
  const running = left.flatMap(({ status: s }, slice) =>
    s === 'assigned' || s === 'running' || s === 'claimed' ? [slice] : [],
  )
  terminal.say(`Job ${job} is cancelled: nothing new begins.`)
  terminal.say(
    running.length === 0
      ? `All of the ${formatAmount(escrow)} LOCK left in escrow comes back when it is closed.`
      : `Slices ${running.join(', ')} go on and are paid; the rest of the ${formatAmount(escrow)} LOCK in escrow comes back.`,
  )
  terminal.result({ job, cancelled: true, running, escrow: String(escrow) })
}
