import { setTimeout as sleep } from 'node:timers/promises'
import { formatAmount } from '@lockstep/market'
import { rulesOf, type SwarmView } from '@lockstep/node/swarm'
import { endsOf } from '@lockstep/swarm'
import { unwrap } from '@lockstep/tensor'
import { type ActingOptions, actingKey } from '../network/accounts.ts'
import { homeOf } from '../network/home.ts'
import { untilInterrupted } from '../network/join.ts'
import { networkFor } from '../network/network-source.ts'
import { openMarket } from '../network/reach.ts'
import { hasSwarmPart, type SwarmPartOptions, withSwarmPart } from '../network/swarm-part.ts'
import type { Terminal } from '../terminal.ts'

export type SwarmLeaveOptions = Pick<SwarmPartOptions, keyof ActingOptions | 'delegate'>

const LOOK_MS = 500

/**
 * Gives a seat up and frees its stake. What was submitted is claimed, stood by and settled first: that is waited for, and said.
 * Where this machine has none of the participant's files, the chain is only told.
 */
export const swarmLeaveCommand = async (
  swarm: number,
  options: SwarmLeaveOptions,
  terminal: Terminal,
): Promise<void> => {
  const home = homeOf(options.home)
  const network = await networkFor(home, options.network)
  if (!(await hasSwarmPart(home, network, swarm, options.account))) {
    const secret = await actingKey(home, options)
    const market = await openMarket(network, secret.account())
    unwrap(await market.send(market.calls.leaveSwarm(swarm, secret.address)))
    terminal.say(`${options.account} has left swarm ${swarm}; its stake is free. ${UNBONDING}`)
    terminal.result({ swarm, account: secret.address, left: true })
    return
  }
  const nothing = (): void => {}
  await withSwarmPart(swarm, { ...options, joins: false }, terminal, nothing, async (part) => {
    const { participant, account, manifest } = part
    let said = ''
    let left = false
    await untilInterrupted(async (signal) => {
      while (!signal.aborted && !left) {
        left = (await participant.turn(false)).over
        if (left) return
        const waits = waitsFor(participant.view()!, account.toLowerCase())
        if (waits !== said && waits !== '') terminal.say(waits)
        said = waits
        await sleep(LOOK_MS, undefined, { signal }).catch(() => {})
      }
    })
    const stake = `${formatAmount(await part.client.chain.read.freeStake(account))} LOCK`
    terminal.say(
      left
        ? `${options.account} has left swarm ${swarm}; the ${manifest.stake} LOCK that it staked there are free again. Free stake of the account: ${stake}. ${UNBONDING}`
        : 'Stopped before it had left; the same command goes on.',
    )
    terminal.result({ swarm, account, left })
  })
}

const UNBONDING = '`lockstep account unstake` makes tokens of it, after the time in which stake unbonds.'

/** What leaving waits for, and until when at the earliest by the chain's time. */
const waitsFor = (view: SwarmView, account: string): string => {
  const open = view.rounds.filter(
    ({ settled, entries }) => !settled && [...entries.values()].some((entry) => entry.account === account),
  )
  const round = open.at(-1)
  if (round === undefined) return ''
  const until = new Date(1000 * endsOf(rulesOf(view), round.begin).challenges).toISOString()
  const challenged = [...view.challenges.values()].filter(
    (one) => one.account === account && one.status !== 'ended',
  ).length
  const challenges = challenged === 0 ? '' : `, and for ${challenged} challenges of its scores to end`
  return `waiting for round ${round.round} to be settled, at ${until} at the earliest${challenges}; it claims and stands by its scores meanwhile`
}
