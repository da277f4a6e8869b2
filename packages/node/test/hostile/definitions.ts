import * as client from '@lockstep/client'
import type { ProtocolDefinition, TopicDefinition } from '@lockstep/network'
import { EXCHANGE } from '../../../network/src/exchange.ts'

/**
 * All topics and protocols there are, out of what the code exports: a new one is in the list without anybody's help, and
 * the tests that want an attack for each fail until it has one.
 */
export type AnyTopic = TopicDefinition<unknown>
export type AnyProtocol = ProtocolDefinition<unknown, unknown>

const exported: readonly unknown[] = [...Object.values(client), EXCHANGE]
const has = (value: unknown, ...fields: readonly string[]): boolean =>
  typeof value === 'object' && value !== null && fields.every((field) => Object.hasOwn(value, field))

export const TOPICS: readonly AnyTopic[] = exported.filter((value): value is AnyTopic =>
  has(value, 'name', 'version', 'schema', 'authorRate'),
)
const protocols: readonly AnyProtocol[] = exported.filter((value): value is AnyProtocol =>
  has(value, 'name', 'version', 'request', 'response', 'rate'),
)
/** What only participants of swarms serve is attacked in hostile-participant.test.ts, and all else at a relay. */
const isOfParticipants = ({ name }: AnyProtocol): boolean => name.startsWith('swarm-')
export const OF_PARTICIPANTS: readonly AnyProtocol[] = protocols.filter(isOfParticipants)
export const PROTOCOLS: readonly AnyProtocol[] = protocols.filter((one) => !isOfParticipants(one))
