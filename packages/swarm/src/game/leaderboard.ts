import type { Hex } from '@lockstep/proof'

/** An event of Swarms as its ABI decodes it, in the chain's order; what is not about scores is passed over. */
export type SwarmEvent = { readonly name: string; readonly args: object }

export type Rank = {
  readonly account: Hex
  /** Settled rounds in which something of it stood and earned. */
  readonly rounds: number
  /** In which it submitted anything. */
  readonly entered: number
  readonly points: bigint
  readonly earned: bigint
  readonly slashed: bigint
  /** Challenged scores that stood, and that fell. */
  readonly upheld: number
  readonly fallen: number
  /** For lies that it has shown, as whoever challenged a score or won the dispute about it. */
  readonly bounties: bigint
}

export type Leaderboard = {
  readonly swarm: number
  readonly settledRounds: number
  /** Most points first; of equal ones the less slashed, then by address. */
  readonly standings: readonly Rank[]
}

type Row = { -readonly [key in keyof Rank]: Rank[key] } & { last: bigint }

/** How many accounts a leaderboard has at most; whoever comes later is left out. */
export const MAX_STANDINGS = 10_000

/** A swarm's leaderboard out of its events alone: whoever has the same events has the same one. */
export const leaderboardOf = (swarm: number, events: Iterable<SwarmEvent>): Leaderboard => {
  const rows = new Map<string, Row>()
  const challenged = new Map<bigint, Hex>()
  let settledRounds = 0
  const rowOf = (account: Hex): Row | undefined => {
    const key = account.toLowerCase() as Hex
    let row = rows.get(key)
    if (row === undefined && rows.size < MAX_STANDINGS) {
      row = {
        ...{ account: key, rounds: 0, entered: 0, points: 0n, earned: 0n, slashed: 0n },
        ...{ upheld: 0, fallen: 0, bounties: 0n, last: 0n },
      }
      rows.set(key, row)
    }
    return row
  }
  for (const { name, args } of events) {
    const read = args as { readonly [name: string]: unknown }
    const amount = (field: string): bigint => BigInt(read[field] as bigint | number)
    const account = (field: string): Hex => read[field] as Hex
    if (name !== 'ChallengeEnded' && (read.swarm === undefined || amount('swarm') !== BigInt(swarm))) continue
    switch (name) {
      case 'Joined':
        rowOf(account('account'))
        break
      case 'Submitted': {
        const row = rowOf(account('account'))
        if (row === undefined || row.last === amount('round')) break
        row.entered++
        row.last = amount('round')
        break
      }
      case 'Rewarded': {
        const row = rowOf(account('account'))
        if (row === undefined) break
        row.rounds++
        row.points += amount('points')
        row.earned += amount('amount')
        break
      }
      case 'RoundSettled':
        settledRounds++
        break
      case 'ScoreChallenged':
        challenged.set(amount('challenge'), account('account'))
        break
      case 'ChallengeEnded': {
        const about = challenged.get(amount('challenge'))
        if (about === undefined) break
        challenged.delete(amount('challenge'))
        const row = rowOf(about)
        const status = Number(amount('status'))
        if (row !== undefined && status === UPHELD) row.upheld++
        if (row !== undefined && status === FALLEN) {
          row.fallen++
          row.slashed += amount('slashed')
        }
        const winner = amount('bounty') > 0n ? rowOf(account('winner')) : undefined
        if (winner !== undefined) winner.bounties += amount('bounty')
        break
      }
    }
  }
  const standings = [...rows.values()].map(({ last, ...standing }) => standing)
  standings.sort(
    (a, b) => sign(b.points - a.points) || sign(a.slashed - b.slashed) || (a.account < b.account ? -1 : 1),
  )
  return { swarm, settledRounds, standings }
}

/** ChallengeStatus in ISwarms.sol. */
const UPHELD = 3
const FALLEN = 4

const sign = (value: bigint): number => (value < 0n ? -1 : value > 0n ? 1 : 0)

/** Where a swarm's participants said last that they can be reached: its boot nodes, newest first. */
export const bootNodesOf = (swarm: number, events: Iterable<SwarmEvent>, most = 64): readonly Hex[] => {
  const peers = new Map<string, Hex>()
  for (const { name, args } of events) {
    const { swarm: of, account, peer } = args as { swarm?: bigint; account?: Hex; peer?: Hex }
    if (of === undefined || account === undefined || BigInt(of) !== BigInt(swarm)) continue
    const key = account.toLowerCase()
    if (name === 'PeerAnnounced' && peer !== undefined) {
      peers.delete(key) // the newest is the last
      peers.set(key, peer)
    } else if (name === 'Left') peers.delete(key)
  }
  return [...peers.values()].reverse().slice(0, most)
}
