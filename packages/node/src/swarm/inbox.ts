import type { SwarmMessage } from '@lockstep/client'
import type { PeerId, Topic } from '@lockstep/network'
import type { Heard, Hearing } from './hearing.ts'
import type { RoundView } from './view.ts'

/** Messages of a swarm that wait to be read, or for the chain. */
export type Inbox = {
  /** Gives what has arrived to the hearing; what is of use only when the chain has come further waits. */
  readonly takeIn: () => void
  readonly close: () => void
}

/** What an inbox knows of the swarm when it is looked into. */
export type InboxRules = {
  /** Whether a peer is announced for a participant. */
  readonly isParticipant: (peer: PeerId) => boolean
  /** Messages that a participant has to say in a round. */
  readonly most: number
  /** The newest round that the chain has told of. */
  readonly newest: () => number
  readonly roundAt: (round: number) => RoundView | undefined
  /** Told of a peer that has said as a participant what no honest one says. */
  readonly blame: (peer: PeerId, why: string) => void
}

/** Messages that wait of all together who are no participants, as far as the chain was read. */
const MOST_OF_STRANGERS = 256
/** Messages of a participant that wait, in rounds of what it has to say: of two rounds, told twice. */
const ROUNDS_KEPT = 4

/**
 * Nobody can take the room of another: of each participant so many messages wait, and of all strangers together so many,
 * the newest of them. So those who have no stake can only keep out each other.
 */
export const openInbox = (
  topic: Pick<Topic<SwarmMessage>, 'subscribe'>,
  swarm: number,
  hearing: Pick<Hearing, 'take'>,
  rules: InboxRules,
): Inbox => {
  const participants = new Map<PeerId, Heard[]>()
  let strangers: Heard[] = []
  const put = (message: Heard): void => {
    const { author } = message
    if (rules.isParticipant(author)) {
      const own = participants.get(author) ?? []
      participants.set(author, own)
      if (own.length < ROUNDS_KEPT * rules.most) own.push(message)
      return
    }
    strangers.push(message)
    if (strangers.length > MOST_OF_STRANGERS) strangers.shift()
  }
  const stop = topic.subscribe(({ author, body }) => {
    if (body.swarm === swarm && body.kind !== 'metrics' && body.kind !== 'receipt') put({ author, body })
  })
  return {
    close: stop,
    takeIn: () => {
      const waiting = [...[...participants.values()].flat(), ...strangers]
      participants.clear()
      strangers = []
      for (const message of waiting) {
        const taken = hearing.take(message)
        if (typeof taken === 'object' && taken.isCertain) rules.blame(message.author, taken.refused)
        if (taken !== 'waits') continue
        // What is of the next round, or of an account that joins now, will be of use when the chain says so.
        const round = roundOf(message)
        if (round <= rules.newest() + 1 && rules.roundAt(round)?.settled !== true) put(message)
      }
    },
  }
}

const roundOf = ({ body }: Heard): number =>
  body.kind === 'answers' ? body.round : Number(Buffer.from(body.group, 'base64').readUInt32BE(53))
