import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Peer } from '@lockstep/network'
import type { Hex } from '@lockstep/proof'
import { encodeReceipt, families, familyTable, parametersRoot, receiptsTo } from '@lockstep/swarm'
import { type Fault, fail, ok, type Result } from '@lockstep/tensor'
import { readBounded } from '../bounded-file.ts'
import { parametersOfState, readReceipts } from './kept-model.ts'
import { modelBuildOf } from './learner.ts'
import {
  MAX_OWN_TEXT,
  type ModelAsked,
  type ModelTold,
  PIECE,
  swarmModelProtocol,
  swarmPieceProtocol,
} from './model-protocol.ts'
import type { OwnLearner } from './own-learner.ts'
import type { Participant } from './participant.ts'

export type ServedModel = {
  readonly swarm: number
  readonly account: Hex
  /** What the participant's learner was opened with. */
  readonly own: OwnLearner
  readonly directory: string
  readonly participant: Pick<Participant, 'model'>
}

const MAX_STATE = 2 ** 30
const REMEDY = 'Restore the file from a copy.'

/**
 * Gives a participant's model after its last round to whoever asks for it, and the receipts that lead to it. One model
 * is held in memory: the last that somebody asked for. Who begins with a trained model of its own keeps it.
 */
export const serveSwarmModel = (peer: Pick<Peer, 'protocol'>, served: ServedModel): void => {
  const account = served.account.toLowerCase()
  let held: { readonly round: number; readonly read: Promise<Result<Held>> } | undefined
  const heldAt = (round: number): Promise<Result<Held>> => {
    if (held?.round !== round) held = { round, read: readHeld(served) }
    const { read } = held
    const forget = (): void => {
      if (held?.read === read) held = undefined
    }
    // What could not be read is read again when somebody asks again.
    read.then(({ ok: isRead }) => isRead || forget(), forget)
    return read
  }
  const isOther = (asked: ModelAsked): boolean => asked.swarm !== served.swarm || asked.account !== account
  peer.protocol(swarmModelProtocol).serve(async (asked) => {
    if (isOther(asked)) return fail(unknown(asked.account, 'none here', 'a participant that is here'))
    if (served.own.start !== undefined)
      return fail({ ...unknown(asked.account, 'a trained model', 'one of a manifest'), code: 'model-kept' })
    const found = await heldAt(served.participant.model().round)
    return found.ok ? ok(found.value.told) : found
  })
  peer.protocol(swarmPieceProtocol).serve(async ({ round, piece, ...asked }) => {
    const none = fail(unknown(asked.account, `round ${round}`, 'the round that was told last'))
    if (isOther(asked) || held?.round !== round) return none
    const found = await held.read
    if (!found.ok) return found
    const bytes = found.value.bytes.subarray(piece * PIECE, (piece + 1) * PIECE)
    return bytes.length === 0 ? none : ok({ bytes: bytes.toString('base64') })
  })
}

type Held = { readonly told: ModelTold; readonly bytes: Buffer }

const readHeld = async ({
  swarm,
  account,
  own,
  directory,
  participant,
}: ServedModel): Promise<Result<Held>> => {
  const { round, file } = participant.model()
  const missing = (error: NodeJS.ErrnoException): undefined => {
    if (error.code !== 'ENOENT') throw error
    return undefined
  }
  const state = await readBounded(file, MAX_STATE, REMEDY).catch(missing)
  if (state === undefined) return fail(unknown(account, 'not made yet', 'a model'))
  if (!state.ok) return state
  const text = (await readFile(join(directory, 'own-model.json'), 'utf8').catch(missing)) ?? '{}'
  if (text.length > MAX_OWN_TEXT)
    return fail(unknown(account, `${text.length} characters`, `${MAX_OWN_TEXT}`))
  const table = familyTable(
    families.filter(({ name }) => own.manifest.families.some(({ family }) => family === name)),
  )
  const parameters = parametersOfState(modelBuildOf(own.manifest, table).model, state.value, REMEDY)
  const modelRoot = parametersRoot(parameters)
  const name = account.toLowerCase()
  const receipts = receiptsTo({ name, round, modelRoot }, swarm, await readReceipts(directory))
  const base64 = receipts.map((one) => Buffer.from(encodeReceipt(one)).toString('base64'))
  return ok({
    told: { round, own: text, modelRoot, receipts: base64 },
    bytes: Buffer.concat(parameters.map(({ data }) => data)),
  })
}

const unknown = (account: string, value: string, limit: string): Fault => ({
  ...{ code: 'model-unknown', field: `model of ${account}`, value, limit },
  remedy: 'Ask again later, or do without it.',
})
