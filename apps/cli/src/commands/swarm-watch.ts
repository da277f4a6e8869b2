import { access } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type NetworkFile,
  type SwarmMetricsMessage,
  serveSwarmManifests,
  swarmPartTopic,
} from '@lockstep/client'
import type { MarketEvent } from '@lockstep/contracts'
import { formatAmount } from '@lockstep/market'
import type { Peer } from '@lockstep/network'
import { peerHex, type SwarmView, stepView } from '@lockstep/node/swarm'
import { leaderboardOf } from '@lockstep/swarm'
import { badInput } from '../cli-error.ts'
import { namesIn } from '../network/accounts.ts'
import { type Home, homeOf } from '../network/home.ts'
import { untilInterrupted, withClient } from '../network/join.ts'
import { networkFor } from '../network/network-source.ts'
import { openMarket } from '../network/reach.ts'
import { readSwarmManifest, swarmFiles } from '../network/swarm-files.ts'
import { metricsLine } from '../network/swarm-metrics.ts'
import type { Terminal } from '../terminal.ts'

export type SwarmWatchOptions = {
  readonly home?: string
  readonly network?: string
  /** Only what has happened up to now. */
  readonly once?: boolean
}

const LOOK_MS = 500
/** Topics of a swarm in parts. */
const MOST_PARTS = 8
/** Lines of metrics that the result has at most: the last ones. */
const MOST_TOLD = 1_000
const QUIET = new Set(['PeerAnnounced', 'SeedAsked'])

/** Tells what happens in a swarm until it is closed, and its leaderboard, which follows from its events alone. */
export const swarmWatchCommand = async (
  swarm: number,
  options: SwarmWatchOptions,
  terminal: Terminal,
): Promise<void> => {
  const home = homeOf(options.home)
  const network = await networkFor(home, options.network)
  const nameOf = await namesIn(home)
  const market = await openMarket(network)
  const events: MarketEvent[] = []
  let view: SwarmView | undefined
  let readTo = network.fromBlock - 1
  const read = async (): Promise<void> => {
    const head = Number(await market.connection.reader.getBlockNumber())
    if (head <= readTo) return
    for (const event of await market.events(readTo + 1, head)) {
      if (event.contract !== 'swarms') continue
      const before = view
      view = stepView(swarm, view, event as { name: string; args: object })
      if (view === before) continue
      events.push(event)
      if (!QUIET.has(event.name)) terminal.say(lineOf(event, nameOf))
    }
    readTo = head
  }
  await read()
  if (view === undefined)
    throw badInput(
      'swarm-unknown',
      'swarm',
      swarm,
      `1 to ${await market.read.swarmCount()}, the swarms of this network`,
      'Name one of them.',
    )
  const isOver = (): boolean => view?.closed === true
  const told: SwarmMetricsMessage[] = []
  if (options.once !== true && !isOver())
    await untilInterrupted((signal) =>
      withClient(network, undefined, async ({ peer }) => {
        await serveKept(home, network, swarm, peer)
        const stops = Array.from({ length: MOST_PARTS }, (_, part) =>
          peer.topic(swarmPartTopic(part)).subscribe(({ author, body }) => {
            if (body.kind !== 'metrics' || body.swarm !== swarm) return
            // Only who is announced for an account speaks for it; what it says of itself nobody can check.
            if (view?.members.get(body.participant)?.peer !== peerHex(author)) return
            told.push(body)
            if (told.length > MOST_TOLD) told.shift()
            terminal.say(`${nameOf(body.participant)} says of ${metricsLine(body)}`)
          }),
        )
        while (!signal.aborted && !isOver()) {
          await sleep(LOOK_MS, undefined, { signal }).catch(() => {})
          await read()
        }
        for (const stop of stops) stop()
      }),
    )
  const { settledRounds, standings } = leaderboardOf(swarm, events as { name: string; args: object }[])
  terminal.say(`swarm ${swarm}: ${settledRounds} rounds settled${isOver() ? ', closed' : ''}`)
  for (const { account, rounds, points, earned } of standings)
    terminal.say(
      `  ${nameOf(account)}: ${formatAmount(earned)} LOCK for ${points} points in ${rounds} rounds`,
    )
  terminal.result({
    ...{ metrics: told.map(({ kind: _, swarm: __, ...rest }) => rest) },
    ...{ swarm, settledRounds, closed: isOver(), round: view.rounds.length, participants: view.members.size },
    standings: standings.map((one) =>
      Object.fromEntries(
        Object.entries(one).map(([name, value]) => [name, typeof value === 'bigint' ? String(value) : value]),
      ),
    ),
  })
}

/** Whoever has created a swarm, or joined it, gives its manifest to those who ask while it looks on. */
const serveKept = async (home: Home, network: NetworkFile, swarm: number, peer: Peer): Promise<void> => {
  const path = swarmFiles(home, network, swarm).manifest
  const isKept = await access(path).then(
    () => true,
    () => false,
  )
  if (isKept) serveSwarmManifests(peer, [await readSwarmManifest(path, swarm)])
}

const lineOf = ({ name, args }: MarketEvent, nameOf: (address: `0x${string}`) => string): string => {
  const read = args as { readonly [field: string]: unknown }
  const parts = ['round', 'stage', 'seat', 'task', 'points', 'challenge'].flatMap((field) =>
    read[field] === undefined ? [] : [`${field} ${read[field]}`],
  )
  const who = read.account === undefined ? [] : [nameOf(read.account as `0x${string}`)]
  const paid = name === 'Rewarded' ? [`${formatAmount(read.amount as bigint)} LOCK`] : []
  return [name, ...who, ...parts, ...paid].join(' ')
}
