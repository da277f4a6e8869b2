import { decodeTensors, encodeTensors, policyProgram } from '@lockstep/models'
import { ByteReader, ByteWriter, catchFault, type NamedType, type Result, unwrap } from '@lockstep/tensor'
import type { LocalPlan } from './plan.ts'
import type { LocalState } from './swarm.ts'

const VERSION = 1

/** A swarm between two rounds as bytes; whoever has them and the plan goes on as if nothing had happened. */
export const encodeLocalState = (
  plan: LocalPlan,
  { round, members }: LocalState,
): Uint8Array<ArrayBuffer> => {
  const types = stateTypes(plan)
  const writer = new ByteWriter().u8(VERSION).u32(round).u16(members.length)
  for (const [member, state] of members.entries()) {
    const file = encodeTensors(types[plan.members[member]!]!, state)
    writer.u32(file.length).bytes(file)
  }
  return writer.done()
}

/** Reads what encodeLocalState wrote of a swarm of this plan; anything else is a fault. */
export const decodeLocalState = (plan: LocalPlan, bytes: Uint8Array): Result<LocalState> =>
  catchFault(() => {
    const types = stateTypes(plan)
    const reader = new ByteReader(bytes, 'swarm')
    const version = reader.u8()
    if (version !== VERSION) reader.malformed('version', version, VERSION)
    const round = reader.u32()
    const count = reader.u16()
    if (count !== plan.members.length) reader.malformed('members', count, plan.members.length)
    const members = plan.members.map((build) => {
      const file = reader.bytes(reader.u32())
      return unwrap(decodeTensors(file, types[build]!))
    })
    reader.end()
    return { round, members }
  })

/** What the state of each kind of participant consists of. */
const stateTypes = ({ builds }: LocalPlan): (readonly NamedType[])[] =>
  builds.map(({ model, train, prompt, answer }) => {
    const rows = { rows: train.batch, length: prompt + answer, dtype: 'u32' } as const
    return policyProgram(model, train, rows).state
  })
