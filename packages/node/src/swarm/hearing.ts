import type { SwarmMessage } from '@lockstep/client'
import type { Hex } from '@lockstep/proof'
import {
  type Arrived,
  arrive,
  decodeSharedGroup,
  EMPTY_POOL,
  type Families,
  type OwnTask,
  type Pool,
  type TaskKind,
} from '@lockstep/swarm'

/** A message with its author as the network knows it. */
export type Heard = {
  readonly author: string
  readonly body: Exclude<SwarmMessage, { kind: 'metrics' | 'receipt' }>
}

/** What a participant knows when it takes messages in. */
export type HearingRules = {
  readonly families: Families
  readonly kinds: readonly TaskKind[] // what own tasks are drawn from
  readonly groupSize: number
  readonly tasks: number // of a round
  /** Where an account has announced that it can be reached; undefined where it is no participant. */
  readonly peerOf: (account: Hex) => Hex | undefined
  /** The tasks that an account answers for itself in a round; undefined where it has none. */
  readonly ownTasksOf: (round: number, account: Hex) => readonly OwnTask[] | undefined
  /** Whether something of a round is still of use. */
  readonly isLive: (round: number) => boolean
}

/** What becomes of a message; what waits is given again when the chain has been read further. */
export type Taken = 'taken' | 'known' | 'waits' | Refused
/** `isCertain` where its author is announced for the account that it speaks for, and no honest participant says that. */
export type Refused = { readonly refused: string; readonly isCertain: boolean }

/** What has been heard in a swarm, of whom, for as long as its rounds last. */
export type Hearing = {
  readonly take: (message: Heard) => Taken
  readonly groups: (round: number) => readonly Arrived[]
  /** The texts that an account says it has answered with; nothing says that they are what it has committed to. */
  readonly answers: (round: number, account: Hex, stage: number) => readonly string[] | undefined
  /** Messages of participants that were refused in a round. */
  readonly refused: (round: number) => number
  readonly forget: (round: number) => void
}

type OfRound = {
  pool: Pool
  readonly seen: Set<string>
  readonly answers: Map<string, readonly string[]>
  refused: number
}

/** The announced form of a peer's id. */
export const peerHex = (id: string): Hex => `0x${Buffer.from(id, 'utf8').toString('hex')}`

export const openHearing = (rulesNow: () => HearingRules): Hearing => {
  const rounds = new Map<number, OfRound>()
  const ofRound = (round: number): OfRound => {
    const known = rounds.get(round) ?? { pool: EMPTY_POOL, seen: new Set(), answers: new Map(), refused: 0 }
    rounds.set(round, known)
    return known
  }
  const refuse = (round: number, why: string): Taken => {
    ofRound(round).refused++
    return { refused: why, isCertain: true }
  }
  return {
    take: ({ author, body }) => {
      const rules = rulesNow()
      const decoded = body.kind === 'group' ? decodeSharedGroup(Buffer.from(body.group, 'base64')) : undefined
      if (decoded !== undefined && !decoded.ok) return { refused: decoded.fault.field, isCertain: false }
      const { participant, round } = decoded?.value ?? (body as Extract<SwarmMessage, { kind: 'answers' }>)
      if (!rules.isLive(round)) return 'waits'
      const peer = rules.peerOf(participant)
      if (peer === undefined) return 'waits'
      // Only who is announced for an account speaks for it; who has announced another one was not yet heard of perhaps.
      if (peer !== peerHex(author)) return { refused: 'author', isCertain: false }
      const known = ofRound(round)
      if (body.kind === 'answers') {
        if (body.answers.length !== rules.tasks) return refuse(round, 'answers')
        const key = `${participant} ${body.stage}`
        if (known.answers.has(key)) return 'known'
        known.answers.set(key, body.answers)
        return 'taken'
      }
      if (known.seen.has(body.group)) return 'known'
      const arrival = arrive(known.pool, Buffer.from(body.group, 'base64'), participant, {
        ...{ round, families: rules.families, kinds: rules.kinds, groupSize: rules.groupSize },
        tasksOf: (account) => rules.ownTasksOf(round, account),
      })
      known.pool = arrival.pool
      if (!arrival.verdict.ok) return refuse(round, arrival.verdict.fault.field)
      known.seen.add(body.group)
      return 'taken'
    },
    groups: (round) => rounds.get(round)?.pool.groups ?? [],
    answers: (round, account, stage) => rounds.get(round)?.answers.get(`${account} ${stage}`),
    refused: (round) => rounds.get(round)?.refused ?? 0,
    forget: (round) => void rounds.delete(round),
  }
}
