import type { TopicDefinition } from '@lockstep/network'
import { decodeReceipt, decodeSharedGroup, isPrintable, RECEIPT_LIMITS, SHARE_LIMITS } from '@lockstep/swarm'
import type { Hex } from 'viem'
import { z } from 'zod'
import { address } from '../wire/fields.ts'
import type { SwarmManifest } from './schema.ts'

const number = z.int().min(1).max(Number.MAX_SAFE_INTEGER)
const round = z.int().min(1).max(10_000)

/** Texts of the most that a shared group has, in base64. */
const MAX_GROUP = 4 * Math.ceil(SHARE_LIMITS.bytes / 3)

const base64 = (characters: number) =>
  z
    .string()
    .min(4)
    .max(characters)
    .regex(/^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/)

/** A group that somebody shares, as packages/swarm encodes it. Nothing in it is believed: see `arrive` there. */
const group = z.strictObject({
  kind: z.literal('group'),
  swarm: number,
  group: base64(MAX_GROUP),
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

const figure = z.number().min(0).max(1e15)
/** What a round came to for a participant, as it says: nothing follows from it, and nobody checks it. */
const metrics = z.strictObject({
  ...{ kind: z.literal('metrics'), swarm: number, round, participant: address },
  rewards: z
    .array(
      z.strictObject({
        family: z.string().max(SHARE_LIMITS.familyCharacters).refine(isPrintable, 'printable ASCII'),
        level: z.int().min(0).max(SHARE_LIMITS.level),
        reward: figure,
        answers: z.int().min(0).max(100_000),
      }),
    )
    .max(64),
  ...{ useful: figure, local: figure, external: figure, heard: figure, refused: figure, nats: figure },
  agreement: figure.nullable(),
  ...{ tokensPerSecond: figure, bytes: figure },
})

/** An update's receipt, as packages/swarm encodes it: see `checkReceipt` there for who wants to run the update again. */
const receipt = z.strictObject({
  kind: z.literal('receipt'),
  swarm: number,
  receipt: base64(4 * Math.ceil(RECEIPT_LIMITS.bytes / 3)),
})

export const swarmMessage = z.discriminatedUnion('kind', [group, answers, metrics, receipt])
export type SwarmMetricsMessage = z.output<typeof metrics>
export type SwarmMessage = z.output<typeof swarmMessage>

export const swarmsTopic: TopicDefinition<SwarmMessage> = {
  name: 'swarms',
  version: 1,
  schema: swarmMessage,
  maxBytes: 2 * SHARE_LIMITS.bytes,
  authorRate: { perSecond: 20, burst: 200 },
  // No honest peer passes on what nobody can read; who may share what is known to a swarm's participants.
  validate: ({ body }) => (isReadable(body) ? 'accept' : 'reject'),
}

const isReadable = (body: SwarmMessage): boolean =>
  body.kind === 'group'
    ? decodeSharedGroup(Buffer.from(body.group, 'base64')).ok
    : body.kind !== 'receipt' || decodeReceipt(Buffer.from(body.receipt, 'base64')).ok

/** Participants that share with each other where a swarm is in parts: enough to find useful groups among. */
const PART = 16
const MOST_PARTS = 8

/**
 * In how many parts a swarm shares, each with a topic of its own: a participant hears, checks and passes on what is said in
 * its part alone, so that this costs it the same in a swarm of any size. Where there are critiques or votes all have to
 * hear all answers: one part.
 */
export const swarmParts = ({ participants, rounds }: SwarmManifest): number =>
  rounds.critique + rounds.resolve > 0 ? 1 : Math.ceil(participants.most / PART)

/** Which part an account is in: no choice of a round's, so that company is found once. */
export const swarmPartOf = (account: Hex, parts: number): number => Number(BigInt(account) % BigInt(parts))

/** The topic of a part, 0 to 7. The first is the topic of a swarm that is not in parts. */
export const swarmPartTopic = (part: number): TopicDefinition<SwarmMessage> => {
  if (!Number.isInteger(part) || part < 0 || part >= MOST_PARTS)
    throw new RangeError(`part is ${part}; allowed: 0 to ${MOST_PARTS - 1}`)
  return part === 0 ? swarmsTopic : { ...swarmsTopic, name: `${swarmsTopic.name}-${part}` }
}
