import { setTimeout as sleep } from 'node:timers/promises'
import { parseOwnModel, type SwarmManifest, withOwnModel } from '@lockstep/client'
import { encodeTensors, type LanguageModel, ModelError, parametersOf } from '@lockstep/models'
import type { Peer, PeerId } from '@lockstep/network'
import type { Hex } from '@lockstep/proof'
import {
  type Coding,
  decodeReceipt,
  type Families,
  LINEAGE_LIMITS,
  parametersRoot,
  receiptsTo,
  type UpdateReceipt,
} from '@lockstep/swarm'
import { FaultError, ok, type Result, type Tensor } from '@lockstep/tensor'
import { parametersOfState } from './kept-model.ts'
import { modelBuildOf } from './learner.ts'
import { type ModelTold, PIECE, swarmModelProtocol, swarmPieceProtocol } from './model-protocol.ts'
import type { SwarmView } from './view.ts'

/** A participant's model as it gave it; the root is recomputed. */
export type AskedModel = {
  readonly account: Hex
  readonly round: number
  /** What it has otherwise than the manifest, as it says it. */
  readonly own: string
  readonly model: LanguageModel
  readonly coding: Coding
  readonly lengths: SwarmManifest['lengths']
  readonly parameters: readonly Tensor[]
  readonly modelRoot: Hex
  /** Those that lead to the model. */
  readonly receipts: readonly UpdateReceipt[]
}

export type NotReached = { readonly account: Hex; readonly why: string }

export type AskOptions = {
  readonly swarm: number
  readonly manifest: SwarmManifest
  readonly families: Families
  readonly view: Pick<SwarmView, 'members' | 'rounds'>
  /** Accounts whose models are here already. */
  readonly without?: ReadonlySet<string>
  /** How long a participant that cannot be reached is tried, in milliseconds. */
  readonly within: number
}

const SIDE_BY_SIDE = 4
const LOOK_MS = 500
/** Of all pieces of one model. */
const TRANSFER_MS = 10 * 60_000
/** A model of a participant's own may have as many bytes where the manifest's has fewer. */
const OWN_BYTES = 2 ** 26
const REMEDY = 'Do without this model.'

/**
 * Asks the participants that are announced on the chain, and nobody else, for their models after their last rounds. Who does
 * not answer, or gives something else than it says, is named and left out; the latter costs it standing. What a model is
 * is for its participant to say: that the parameters are those of the root is checked, and that receipts lead there.
 */
export const askSwarmModels = async (
  peer: Pick<Peer, 'protocol' | 'penalise'>,
  options: AskOptions,
): Promise<{ readonly models: readonly AskedModel[]; readonly missing: readonly NotReached[] }> => {
  const { view, without = new Set() } = options
  const bySeat = [...view.members]
    .filter(([account]) => !without.has(account))
    .sort(([, a], [, b]) => a.seat - b.seat)
  const models: (AskedModel | undefined)[] = bySeat.map(() => undefined)
  const missing: (NotReached | undefined)[] = bySeat.map(() => undefined)
  let next = 0
  const lane = async (): Promise<void> => {
    for (let at = next++; at < bySeat.length; at = next++) {
      const [account, { peer: announced }] = bySeat[at]!
      const no = (why: string): void => {
        missing[at] = { account, why }
      }
      if (announced === undefined) no('announced no peer')
      else if (at >= LINEAGE_LIMITS.members) no(`a lineage has ${LINEAGE_LIMITS.members} members`)
      else {
        const id = Buffer.from(announced.slice(2), 'hex').toString('utf8')
        const asked = await askOne(peer, id, account, options)
        if (asked.ok) models[at] = asked.value
        else no(asked.fault.code)
      }
    }
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, lane))
  return {
    models: models.filter((one) => one !== undefined),
    missing: missing.filter((one) => one !== undefined),
  }
}

/** Faults after which the same peer may do better in a moment. */
const PASSING = new Set([
  'peer-unreachable',
  'timeout',
  'stream-ended',
  'stream-idle',
  'busy',
  'rate-limited',
])

const askOne = async (
  peer: Pick<Peer, 'protocol' | 'penalise'>,
  id: PeerId,
  account: Hex,
  options: AskOptions,
): Promise<Result<AskedModel>> => {
  const end = performance.now() + options.within
  for (;;) {
    const told = await peer.protocol(swarmModelProtocol).request(id, { swarm: options.swarm, account })
    const given = told.ok ? await take(peer, id, account, told.value, options) : told
    if (given.ok) return given
    const { code, value } = given.fault
    if (code === 'model-garbage') peer.penalise(id, 'garbage', `model of ${account}: ${value}`)
    // A new round may have come between the pieces.
    const isPassing = PASSING.has(code) || (told.ok && code === 'model-unknown')
    if (!isPassing || performance.now() > end) return given
    await sleep(LOOK_MS)
  }
}

const take = async (
  peer: Pick<Peer, 'protocol'>,
  id: PeerId,
  account: Hex,
  told: ModelTold,
  { swarm, manifest, families, view }: AskOptions,
): Promise<Result<AskedModel>> => {
  const { round, modelRoot } = told
  if (round > view.rounds.length) return garbage('round', round, `at most ${view.rounds.length}`)
  const build = buildOf(manifest, families, told.own)
  if (!build.ok) return build
  const { model, coding, lengths } = build.value
  const bytes = bytesOf(model)
  const most = Math.max(OWN_BYTES, bytesOf(modelBuildOf(manifest, families).model))
  if (bytes > most) return garbage('model', `${bytes} bytes`, `at most ${most}`)
  const given = await pieces(peer, id, bytes, { swarm, account, round })
  if (!given.ok) return given
  const parameters = parametersFrom(model, given.value)
  const found = parametersRoot(parameters)
  if (found !== modelRoot) return garbage('parameters', found, `of the root ${modelRoot}`)
  const receipts: UpdateReceipt[] = []
  for (const one of told.receipts) {
    const read = decodeReceipt(Buffer.from(one, 'base64'))
    if (!read.ok) return garbage('receipts', String(read.fault.value), String(read.fault.limit))
    receipts.push(read.value)
  }
  return ok({
    ...{ account, round, own: told.own, model, coding, lengths, parameters, modelRoot },
    receipts: receiptsTo({ name: account, round, modelRoot }, swarm, receipts),
  })
}

/** The bytes of all parameters, a piece after the other: no more is held than was sent. */
const pieces = async (
  peer: Pick<Peer, 'protocol'>,
  id: PeerId,
  length: number,
  of: { readonly swarm: number; readonly account: Hex; readonly round: number },
): Promise<Result<Buffer>> => {
  const signal = AbortSignal.timeout(TRANSFER_MS)
  const protocol = peer.protocol(swarmPieceProtocol)
  const found: Buffer[] = []
  for (let from = 0; from < length; from += PIECE) {
    const given = await protocol.request(id, { ...of, piece: from / PIECE }, signal)
    if (!given.ok) return given
    const bytes = Buffer.from(given.value.bytes, 'base64')
    const wanted = Math.min(PIECE, length - from)
    if (bytes.length !== wanted) return garbage(`piece ${from / PIECE}`, `${bytes.length} bytes`, `${wanted}`)
    found.push(bytes)
  }
  return ok(Buffer.concat(found))
}

/** The build of a participant: the manifest's, with what it says that it has otherwise. */
const buildOf = (
  manifest: SwarmManifest,
  families: Families,
  text: string,
): Result<Pick<AskedModel, 'model' | 'coding' | 'lengths'>> => {
  try {
    const own = parseOwnModel(new TextEncoder().encode(text))
    if (own.start !== undefined) return garbage('own', 'start', 'no trained model')
    const terms = withOwnModel(manifest, own)
    return ok({ ...modelBuildOf(terms, families), lengths: terms.lengths })
  } catch (error) {
    if (error instanceof FaultError || error instanceof ModelError)
      return garbage('own', error.message, 'a model')
    throw error
  }
}

const bytesOf = (model: LanguageModel): number =>
  parametersOf(model).reduce((sum, { shape }) => sum + 4 * shape.reduce((all, size) => all * size, 1), 0)

/** Read as a state's file is, so that numbers that are none have one form. */
const parametersFrom = (model: LanguageModel, bytes: Buffer): Tensor[] => {
  let at = 0
  const types = parametersOf(model).map(({ name, shape }) => ({ name, dtype: 'f32', shape }) as const)
  const tensors = types.map(({ dtype, shape }): Tensor => {
    const from = at
    at += 4 * shape.reduce((all, size) => all * size, 1)
    return { dtype, shape, data: Uint8Array.from(bytes.subarray(from, at)) }
  })
  return parametersOfState(model, encodeTensors(types, tensors), REMEDY)
}

const garbage = (field: string, value: string | number, limit: string): Result<never> => ({
  ok: false,
  fault: { code: 'model-garbage', field, value, limit, remedy: REMEDY },
})
