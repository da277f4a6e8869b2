import type { SwarmMessage } from '@lockstep/client'
import type { Topic } from '@lockstep/network'
import type { Hex } from '@lockstep/proof'
import { encodeSharedGroup, endsOf, SHARE_LIMITS, timesOf } from '@lockstep/swarm'
import { ANSWER, CRITIQUE, type Inside, RESOLVE } from './inside.ts'
import type { OwnGroup } from './learner.ts'
import type { SwarmMetrics } from './metrics.ts'
import { rulesOf } from './view.ts'

/** What a participant says to others. */
export type Telling = {
  /** Says what the open rounds' others may have missed: whoever was away hears it later. */
  readonly all: (now: number) => Promise<void>
  /** Says what a round came to, once: those who watch the swarm want to see it. */
  readonly metrics: (metrics: SwarmMetrics) => Promise<void>
  /** Says an update's receipt, once: those who keep watch over it run the update again. */
  readonly receipt: (receipt: Uint8Array) => Promise<void>
  /** Bytes sent since this was asked last. */
  readonly takeBytes: () => number
}

/**
 * From the first saying of the same to the second, for every so many who may say it; then twice as long each time. What
 * everybody says again keeps everybody busy, and a round that takes long must not cost more for it than one soon over.
 */
const RETELL_MS = 2_000
const SPEAKERS = 8
const MOST_RETELL_MS = 120_000

export const openTelling = (
  inside: Pick<Inside, 'view' | 'roundAt' | 'own' | 'swarm' | 'account'>,
  topic: Pick<Topic<SwarmMessage>, 'publish'>,
  /** Of the parameters that the groups that are told were answered with. */
  modelRoot: () => Hex | undefined,
): Telling => {
  const { own, swarm, account } = inside
  let bytes = 0
  const say = async (body: SwarmMessage): Promise<void> => {
    // What cannot be sent now is said again with the next turn.
    const said = await topic.publish(body)
    if (said.ok) bytes += JSON.stringify(body).length
  }
  const told = new Map<string, { readonly next: number; readonly pause: number }>()
  let members = inside.view().members
  const firstPause = (): number => RETELL_MS * Math.max(1, members.size / SPEAKERS)
  /** Who has come, or come back with another peer, has missed what was said before. */
  const notice = (): void => {
    if (members === inside.view().members) return
    members = inside.view().members
    const pause = firstPause()
    for (const [key, { next }] of told)
      told.set(key, { next: Math.min(next, performance.now() + pause), pause })
  }
  const often = async (key: string, messages: () => readonly SwarmMessage[]): Promise<void> => {
    const first = firstPause()
    const { next, pause } = told.get(key) ?? { next: 0, pause: first }
    const now = performance.now()
    if (now < next) return
    told.set(key, { next: now + pause, pause: Math.min(2 * pause, MOST_RETELL_MS) })
    for (const message of messages()) await say(message)
  }
  const groupMessages = (round: number, groups: readonly OwnGroup[]): SwarmMessage[] => {
    const root = modelRoot()
    if (root === undefined) return []
    return groups
      .filter(({ group }) => group.rollouts.every(({ text }) => text.length <= SHARE_LIMITS.textCharacters))
      .map(({ group: { task, rollouts } }) => ({
        kind: 'group',
        swarm,
        group: Buffer.from(
          encodeSharedGroup({ participant: account, modelRoot: root, round, task, rollouts }),
        ).toString('base64'),
      }))
  }
  return {
    metrics: ({ seat: _, loss: __, tokens: ___, ...rest }) =>
      say({ kind: 'metrics', swarm, participant: account, ...rest, rewards: [...rest.rewards] }),
    receipt: (receipt) => say({ kind: 'receipt', swarm, receipt: Buffer.from(receipt).toString('base64') }),
    takeBytes: () => {
      const sent = bytes
      bytes = 0
      return sent
    },
    all: async (now) => {
      const rules = rulesOf(inside.view())
      notice()
      for (const mine of own.now().rounds) {
        const round = inside.roundAt(mine.round)
        if (round === undefined || round.settled) continue
        const ends = endsOf(rules, round.begin)
        if (now < ends.claims && mine.groups.length > 0)
          await often(`${mine.round} groups`, () => groupMessages(mine.round, mine.groups))
        for (const [stage, end] of [
          [ANSWER, timesOf(rules, round.begin, 'answer')!.to],
          [CRITIQUE, timesOf(rules, round.begin, 'critique')?.to ?? ends.stages],
          [RESOLVE, ends.stages],
        ] as const) {
          const answers = mine.texts[stage]
          if (answers === undefined || now < end || now >= ends.challenges) continue
          await often(`${mine.round} ${stage}`, () => [
            {
              ...{ kind: 'answers', swarm, round: mine.round, stage, participant: account },
              answers: [...answers],
            },
          ])
        }
      }
    },
  }
}
