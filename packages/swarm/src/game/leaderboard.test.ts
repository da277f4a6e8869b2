import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Hex } from '@lockstep/proof'
import { bootNodesOf, leaderboardOf, type SwarmEvent } from './leaderboard.ts'

const account = (n: number): Hex => `0x${(0xa0 + n).toString(16).padStart(40, '0')}`
const event = (name: string, args: object): SwarmEvent => ({ name, args: { swarm: 1n, ...args } })

const events: readonly SwarmEvent[] = [
  ...[1, 2, 3].map((n) => event('Joined', { account: account(n), seat: BigInt(n) })),
  event('Submitted', { account: account(1), round: 1n, stage: 0n }),
  event('Submitted', { account: account(1), round: 1n, stage: 2n }),
  event('Submitted', { account: account(2), round: 1n, stage: 0n }),
  event('Submitted', { account: account(3), round: 1n, stage: 0n }),
  event('ScoreChallenged', { challenge: 1n, account: account(3), challenger: account(2), round: 1n }),
  {
    name: 'ChallengeEnded',
    args: { challenge: 1n, status: 4, winner: account(2), bounty: 50n, slashed: 100n },
  },
  event('ScoreChallenged', { challenge: 2n, account: account(1), challenger: account(3), round: 1n }),
  { name: 'ScoreStood', args: { challenge: 2n } },
  { name: 'ChallengeEnded', args: { challenge: 2n, status: 3, winner: account(0), bounty: 0n, slashed: 0n } },
  event('Rewarded', {
    account: account(2).toUpperCase().replace('X', 'x'),
    round: 1n,
    points: 30n,
    amount: 3n,
  }),
  event('Rewarded', { account: account(1), round: 1n, points: 70n, amount: 7n }),
  event('RoundSettled', { round: 1n, points: 100n, paid: 10n }),
  // Another swarm's, and a challenge of it.
  { name: 'Rewarded', args: { swarm: 2n, account: account(2), round: 1n, points: 999n, amount: 999n } },
  { name: 'ChallengeEnded', args: { challenge: 9n, status: 4, winner: account(2), bounty: 1n, slashed: 1n } },
]

test('a leaderboard follows from the events of its swarm', () => {
  const { standings, settledRounds } = leaderboardOf(1, events)
  assert.equal(settledRounds, 1)
  assert.deepEqual(
    standings.map((one) => [one.account, one.entered, one.rounds, one.points, one.earned]),
    [
      [account(1), 1, 1, 70n, 7n],
      [account(2), 1, 1, 30n, 3n],
      [account(3), 1, 0, 0n, 0n],
    ],
  )
  assert.deepEqual([standings[0]!.upheld, standings[1]!.bounties], [1, 50n])
  assert.deepEqual([standings[2]!.fallen, standings[2]!.slashed], [1, 100n])
})

test('boot nodes are what was announced last, by those who have not left', () => {
  const told = [
    event('PeerAnnounced', { account: account(1), peer: '0x01' }),
    event('PeerAnnounced', { account: account(2), peer: '0x02' }),
    event('PeerAnnounced', { account: account(3), peer: '0x03' }),
    event('PeerAnnounced', { account: account(1), peer: '0x11' }),
    event('Left', { account: account(2), seat: 2n }),
    { name: 'PeerAnnounced', args: { swarm: 2n, account: account(2), peer: '0x22' } },
  ]
  assert.deepEqual(bootNodesOf(1, told), ['0x11', '0x03'])
  assert.deepEqual(bootNodesOf(1, told, 1), ['0x11'])
})
