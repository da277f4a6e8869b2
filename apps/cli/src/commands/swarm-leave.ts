import { unwrap } from '@lockstep/tensor'
import { unlockKey } from '../network/accounts.ts'
import { homeOf } from '../network/home.ts'
import { networkFor } from '../network/network-source.ts'
import { openMarket } from '../network/reach.ts'
import type { Terminal } from '../terminal.ts'

export type SwarmLeaveOptions = {
  readonly home?: string
  readonly network?: string
  readonly account: string
  readonly passphraseFile?: string
}

/** Gives a seat up and frees its stake; refused while a round in which the account has submitted is not settled. */
export const swarmLeaveCommand = async (
  swarm: number,
  options: SwarmLeaveOptions,
  terminal: Terminal,
): Promise<void> => {
  const home = homeOf(options.home)
  const network = await networkFor(home, options.network)
  const { account, passphraseFile } = options
  const secret = await unlockKey(account, { directory: home.accounts, passphraseFile })
  const market = await openMarket(network, secret.account())
  unwrap(await market.send(market.calls.leaveSwarm(swarm, secret.address)))
  terminal.say(`${account} has left swarm ${swarm}; its stake is free.`)
  terminal.result({ swarm, account: secret.address, left: true })
}
