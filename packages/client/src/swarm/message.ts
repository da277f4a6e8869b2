import type { TopicDefinition } from '@lockstep/network'
import { decodeSharedGroup, isPrintable, SHARE_LIMITS } from '@lockstep/swarm'
import { z } from 'zod'
import { address } from '../wire/fields.ts'

const number = z.int().min(1).max(Number.MAX_SAFE_INTEGER)
const round = z.int().min(1).max(10_000)

/** Texts of the most that a shared group has, in base64. */
const MAX_GROUP = 4 * Math.ceil(SHARE_LIMITS.bytes / 3)

/** A group that somebody shares, as packages/swarm encodes it. Nothing in it is believed: see `arrive` there. */
const group = z.strictObject({
  kind: z.literal('group'),
  swarm: number,
  group: z
    .string()
    .min(4)
    .max(MAX_GROUP)
    .regex(/^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/),
})

/**
 * What somebody has answered to a round's tasks, or said of others' answers; it is right where its root is what was
 * committed to.
 */
const answers = z.strictObject({
  kind: z.literal('answers'),
  swarm: number,
  round,
  /** 0 answer, 1 critique, 2 resolve, as on the chain. */
  stage: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  participant: address,
  answers: z
    .array(z.string().max(SHARE_LIMITS.textCharacters).refine(isPrintable, 'printable ASCII'))
    .min(1)
    .max(16),
})

export const swarmMessage = z.discriminatedUnion('kind', [group, answers])
export type SwarmMessage = z.output<typeof swarmMessage>

export const swarmsTopic: TopicDefinition<SwarmMessage> = {
  name: 'swarms',
  version: 1,
  schema: swarmMessage,
  maxBytes: 2 * SHARE_LIMITS.bytes,
  authorRate: { perSecond: 20, burst: 200 },
  // No honest peer passes on a group that nobody can read; who may share what is known to a swarm's participants.
  validate: ({ body }) =>
    body.kind === 'answers' || decodeSharedGroup(Buffer.from(body.group, 'base64')).ok ? 'accept' : 'reject',
}
