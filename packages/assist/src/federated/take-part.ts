import type { Hex } from '@lockstep/proof'
import { type Executor, fail, ok, type Result, type Tensor } from '@lockstep/tensor'
import { type BaseFinding, checkBase } from './check-base.ts'
import { type BaseLineage, decodeBaseLineage } from './lineage.ts'
import { type BaseName, decodeOffer, type RoundOffer } from './offer.ts'
import { bytesHash, decodeParameters } from './parameters.ts'
import { learnFrom, type PreparedTraining, tensorsRoot } from './training.ts'
import { encodeUpdate, type Share, type UpdateMessage } from './update-message.ts'

/** How a keeper is reached. Whatever it answers is a stranger's word, and is checked. */
export type Carriage = {
  /** The round that is open; undefined where none is. */
  offer(): Promise<Uint8Array | undefined>
  /** The name of the newest base. */
  base(): Promise<Result<BaseName>>
  /** Bytes of this hash; undefined where the keeper has none. */
  blob(hash: Hex): Promise<Uint8Array | undefined>
  /** Sends an update. */
  give(update: Uint8Array): Promise<Result<{ readonly update: Hex }>>
}

export type Part = {
  readonly executor: Executor
  readonly training: PreparedTraining
  readonly carriage: Carriage
}

export type Given = { readonly offer: RoundOffer; readonly message: UpdateMessage; readonly update: Hex }

/**
 * Takes part in the round that is open: fetches its base, learns from these episodes, sends what `share` says. Nothing of
 * the episodes is sent before the learning is done, and with `update` none of them ever is.
 * @param share What the person has agreed to; with `nothing` the keeper is not even asked
 * @param participant 16 bytes drawn for this round
 */
export const takePart = async (
  { executor, training, carriage }: Part,
  episodes: readonly Uint8Array[],
  share: Share | 'nothing',
  participant: Hex,
): Promise<Result<Given>> => {
  if (share === 'nothing')
    return no(
      'consent-missing',
      'share',
      share,
      'update or episodes',
      'Ask the person whose episodes they are.',
    )
  const offered = await carriage.offer()
  if (offered === undefined) return no('round-closed', 'round', 'none', 'an open round', 'Ask again later.')
  const read = decodeOffer(offered)
  if (!read.ok) return read
  const offer = read.value
  const { program, steps } = offer.training
  if (program !== training.id || steps !== training.steps)
    return no(
      'training-other',
      'training',
      `${program}, ${steps} steps`,
      `${training.id}, ${training.steps} steps`,
      'Use the version of the application that this keeper serves.',
    )
  const base = await fetchBase({ training, carriage }, offer.base)
  if (!base.ok) return base
  const inputs = await training.inputsOf(base.value, episodes)
  if (!inputs.ok) return inputs
  const { parameters, receipt } = await learnFrom(executor, training, base.value, inputs.value)
  const shared = share === 'episodes' ? episodes : []
  const message = { round: offer.round, participant, share, receipt, parameters, episodes: shared }
  const given = await carriage.give(encodeUpdate(message))
  return given.ok ? ok({ offer, message, update: given.value.update }) : given
}

/** A base's tensors, if the bytes that come are those that its name is of. */
export const fetchBase = async (
  { training, carriage }: Omit<Part, 'executor'>,
  { root, blob }: BaseName,
): Promise<Result<readonly Tensor[]>> => {
  const bytes = await fetched(carriage, blob)
  if (!bytes.ok) return bytes
  const read = decodeParameters(bytes.value, training.parameters)
  if (!read.ok) return read
  const found = tensorsRoot(read.value)
  return found === root ? read : no('base-false', 'base', found, root, 'Ask another keeper.')
}

const fetched = async (carriage: Carriage, hash: Hex): Promise<Result<Uint8Array>> => {
  const bytes = await carriage.blob(hash)
  if (bytes === undefined)
    return no('blob-missing', 'blob', hash, 'bytes of this hash', 'Ask another keeper.')
  return bytesHash(bytes) === hash
    ? ok(bytes)
    : no('blob-false', 'blob', bytesHash(bytes), hash, 'Ask another keeper.')
}

export type Arrived = {
  readonly name: BaseName
  readonly parameters: readonly Tensor[]
  /** Null for a base of no round. */
  readonly lineage: BaseLineage | null
  /** What a check of the lineage came to, where one was asked for. */
  readonly finding: BaseFinding | undefined
}

/**
 * Fetches the newest base with its lineage; the bytes are those of its name, and the lineage is about them. With `check`
 * it is also made again from its parent and its updates: an arrived base whose finding differs is refused.
 */
export const fetchNewest = async (
  part: Part,
  { check }: { readonly check: boolean },
): Promise<Result<Arrived>> => {
  const { carriage, executor, training } = part
  const named = await carriage.base()
  if (!named.ok) return named
  const name = named.value
  const base = await fetchBase(part, name)
  if (!base.ok) return base
  const arrived = { name, parameters: base.value, lineage: null, finding: undefined }
  if (name.lineage === null) return ok(arrived)
  const bytes = await fetched(carriage, name.lineage)
  if (!bytes.ok) return bytes
  const read = decodeBaseLineage(bytes.value)
  if (!read.ok) return read
  const lineage = read.value
  if (lineage.result !== name.root)
    return no('lineage-other', 'result', lineage.result, name.root, 'Ask another keeper.')
  if (!check) return ok({ ...arrived, lineage })
  const parent = await fetchBase(part, lineage.parent)
  if (!parent.ok) return parent
  const updates: (Uint8Array | undefined)[] = []
  for (const { update } of lineage.members) updates.push(await carriage.blob(update))
  const evidence = { parent: parent.value, updates, result: base.value }
  const finding = await checkBase(executor, training, lineage, evidence)
  if (finding.differs.length > 0)
    return no(
      'lineage-false',
      finding.differs[0]!,
      'something else',
      'what comes out when it is made again',
      'Do not use this base; ask another keeper.',
    )
  return ok({ ...arrived, lineage, finding })
}

/** Whether a base takes the place of the one in use: only where it is better on the person's own held-out episodes. */
export const isBetter = async (
  training: PreparedTraining,
  inUse: readonly Tensor[],
  arrived: readonly Tensor[],
  heldOut: readonly Uint8Array[],
): Promise<Result<{ readonly better: boolean; readonly before: number; readonly after: number }>> => {
  const before = await training.bits(inUse, heldOut)
  if (!before.ok) return before
  const after = await training.bits(arrived, heldOut)
  if (!after.ok) return after
  return ok({ better: after.value < before.value, before: before.value, after: after.value })
}

const no = (code: string, field: string, value: string, limit: string, remedy: string): Result<never> =>
  fail({ code, field, value, limit, remedy })
