import type { SwarmMessage } from '@lockstep/client'
import type { Topic } from '@lockstep/network'
import type { Heard, Hearing } from './hearing.ts'
import type { RoundView } from './view.ts'

/** Messages of a swarm that wait to be read, or for the chain. */
export type Inbox = {
  /** Gives what has arrived to the hearing; what is of use only when the chain has come further waits. */
  readonly takeIn: () => void
  readonly close: () => void
}

const MAX_INBOX = 4096

export const openInbox = (
  topic: Pick<Topic<SwarmMessage>, 'subscribe'>,
  swarm: number,
  hearing: Hearing,
  roundAt: (round: number) => RoundView | undefined,
): Inbox => {
  let inbox: Heard[] = []
  const stop = topic.subscribe(({ author, body }) => {
    if (body.swarm === swarm && inbox.length < MAX_INBOX) inbox.push({ author, body })
  })
  return {
    close: stop,
    takeIn: () => {
      const waiting = inbox
      inbox = []
      for (const message of waiting) {
        // What is of the next round, or of an account that joins now, will be of use when the chain says so.
        const isWaiting = hearing.take(message) === 'waits' && roundAt(roundOf(message))?.settled !== true
        if (isWaiting && inbox.length < MAX_INBOX / 2) inbox.push(message)
      }
    },
  }
}

const roundOf = ({ body }: Heard): number =>
  body.kind === 'answers' ? body.round : Number(Buffer.from(body.group, 'base64').readUInt32BE(53))
