import { unwrap } from '@lockstep/tensor'
import { type ActingOptions, actingKey } from '../network/accounts.ts'
import { homeOf } from '../network/home.ts'
import { networkFor } from '../network/network-source.ts'
import { openMarket } from '../network/reach.ts'
import type { Terminal } from '../terminal.ts'

export type SwarmLeaveOptions = ActingOptions

/** Gives a seat up and frees its stake; refused while a round in which the account has submitted is not settled. */
export const swarmLeaveCommand = async (
  swarm: number,
  options: SwarmLeaveOptions,
  terminal: Terminal,
): Promise<void> => {
  const home = homeOf(options.home)
  const network = await networkFor(home, options.network)
  const { account } = options
  const secret = await actingKey(home, options)
  const market = await openMarket(network, secret.account())
  unwrap(await market.send(market.calls.leaveSwarm(swarm, secret.address)))
  terminal.say(`${account} has left swarm ${swarm}; its stake is free.`)
  terminal.result({ swarm, account: secret.address, left: true })
}
