import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SwarmMessage } from '@lockstep/client'
import type { PeerId, TopicMessage } from '@lockstep/network'
import type { Heard, Taken } from './hearing.ts'
import { openInbox } from './inbox.ts'
import type { RoundView } from './view.ts'

const SETTLED = 1
const NEWEST = 3
const roundAt = (round: number): RoundView | undefined =>
  round > NEWEST
    ? undefined
    : {
        ...{ round, seed: '0x00', begin: 0, seats: 2 },
        ...{ entries: new Map(), settled: round === SETTLED, paid: [] },
      }

/** An inbox with what it has given to the hearing, and whom it has blamed. */
const open = (judge: (heard: Heard) => Taken, most = 3) => {
  let deliver: (message: TopicMessage<SwarmMessage>) => unknown = () => {}
  const given: Heard[] = []
  const blamed: [PeerId, string][] = []
  const inbox = openInbox(
    {
      subscribe: (handler) => {
        deliver = handler
        return () => {}
      },
    },
    7,
    {
      take: (heard) => {
        given.push(heard)
        return judge(heard)
      },
    },
    {
      isParticipant: (peer) => peer.startsWith('participant'),
      ...{ most, newest: () => NEWEST, roundAt },
      blame: (peer, why) => void blamed.push([peer, why]),
    },
  )
  const say = (author: PeerId, note: string, round = NEWEST, swarm = 7): void => {
    const body: SwarmMessage = {
      ...{ kind: 'answers', swarm, round, stage: 0, participant: `0x${'0a'.repeat(20)}` },
      answers: [note],
    }
    deliver({ body, author, source: author, sentAt: 0 })
  }
  const look = (): string[] => {
    given.length = 0
    inbox.takeIn()
    return given.map(({ author, body }) => `${author} ${body.kind === 'answers' ? body.answers[0] : ''}`)
  }
  return { say, look, blamed }
}

test('messages are given on once, those of other swarms never', () => {
  const { say, look } = open(() => 'taken')
  say('participant 1', 'a')
  say('stranger', 'b')
  say('participant 1', 'c', NEWEST, 8)
  assert.deepEqual(look(), ['participant 1 a', 'stranger b'])
  assert.deepEqual(look(), [])
})

test('no crowd of strangers takes the room of a participant, and no participant that of another', () => {
  const { say, look } = open(() => 'taken')
  for (let i = 0; i < 10_000; i++) say(`stranger ${i % 100}`, `${i}`)
  for (let i = 0; i < 1_000; i++) say('participant 1', `${i}`)
  say('participant 2', 'a')
  const given = look()
  assert.equal(given.filter((text) => text.startsWith('stranger')).length, 256)
  assert.equal(given.filter((text) => text.startsWith('participant 1')).length, 12)
  assert.ok(given.includes('participant 2 a'))
  // Of strangers the newest are kept: an account that joins now says it again.
  assert.ok(given.includes('stranger 99 9999'))
})

test('what waits for the chain is given again, but not what is of a settled round or of one that is far off', () => {
  const { say, look } = open(() => 'waits')
  say('participant 1', 'settled', SETTLED)
  say('participant 1', 'now')
  say('stranger', 'next', NEWEST + 1)
  say('stranger', 'never', NEWEST + 2)
  assert.equal(look().length, 4)
  assert.deepEqual(look(), ['participant 1 now', 'stranger next'])
  assert.deepEqual(look(), ['participant 1 now', 'stranger next'])
})

test('whoever has said as a participant what no honest one says is blamed, nobody else', () => {
  const { say, look, blamed } = open(({ author }) => ({
    ...{ refused: 'score', isCertain: author === 'participant 1' },
  }))
  say('participant 1', 'a')
  say('participant 2', 'b')
  look()
  look()
  assert.deepEqual(blamed, [['participant 1', 'score']])
})
