import type { Hex } from '@lockstep/proof'
import { type Executor, type Fault, FaultError, fail, ok, type Result, type Tensor } from '@lockstep/tensor'
import { z } from 'zod'
import { runAgain } from './check-base.ts'
import { decodeDocument, encodeDocument, root, whole } from './document.ts'
import { type BaseLineage, encodeBaseLineage } from './lineage.ts'
import { mergeUpdates } from './merge-updates.ts'
import { type BaseName, baseName, encodeOffer, type RoundOffer } from './offer.ts'
import { bytesHash, decodeParameters, encodeParameters } from './parameters.ts'
import {
  openRound,
  type Refusal,
  type Round,
  type RoundEffect,
  type RoundEvent,
  roundStep,
  type Standing,
} from './round.ts'
import { createShelf, type ShelfStorage } from './shelf.ts'
import { type PreparedTraining, rootsOf, tensorsRoot } from './training.ts'
import { decodeUpdate, type UpdateMessage } from './update-message.ts'

export type KeeperOptions = {
  readonly executor: Executor
  readonly training: PreparedTraining
  /** What the keeper is called in lineages; printable, at most 64 characters. */
  readonly name: string
  /** The base of the first round; later ones are in the storage. */
  readonly base: readonly Tensor[]
  readonly storage: ShelfStorage
  readonly settings: KeeperSettings
  /** Mean bits a symbol of the keeper's own held-out use. With it a new base that is worse is not published. */
  readonly judge?: (parameters: readonly Tensor[]) => Promise<number>
}

export type KeeperSettings = {
  /** How long a round takes updates, in the seconds of whatever clock is handed in. */
  readonly seconds: number
  readonly least: number
  readonly most: number
  /** The greatest norm of an update. */
  readonly norm: number
  /** Rounds whose updates and bases are still served; older ones are forgotten. */
  readonly kept: number
}

/** How a round ended. */
export type RoundEnd =
  | { readonly kind: 'published'; readonly base: BaseName; readonly lineage: BaseLineage }
  | { readonly kind: 'too-few'; readonly round: number }
  | { readonly kind: 'worse'; readonly round: number; readonly before: number; readonly after: number }

export type Keeper = {
  /** The newest base. */
  readonly base: () => BaseName
  /** The round that is open, as bytes; undefined between rounds. */
  readonly offer: () => Uint8Array | undefined
  /** Bytes by their hash: bases, lineages and the updates that are in them. */
  readonly blob: (hash: Hex) => Promise<Uint8Array | undefined>
  /** Opens a round. Does nothing while one is open. */
  readonly open: (now: number) => Promise<void>
  /** Takes an update, or says why not. It is run again later, in `tick`, where its episodes came with it. */
  readonly receive: (bytes: Uint8Array, now: number) => Promise<Result<{ readonly update: Hex }>>
  /** Runs again what waits, and ends the round where it is due. One call at a time does the work; others wait for it. */
  readonly tick: (now: number) => Promise<RoundEnd | undefined>
}

type Current = { readonly round: number; readonly base: BaseName }
const CURRENT = 'rounds/current'
const current: z.ZodType<Current> = z.strictObject({ round: whole(0, 2 ** 32 - 2), base: baseName })
const recent: z.ZodType<readonly (readonly Hex[])[]> = z.array(z.array(root).max(128)).max(256)
const RECENT = 'rounds/recent'

/** Keeps rounds: holds the shared base, takes updates, runs again what can be, and publishes the mean with its lineage. */
export const createKeeper = async (options: KeeperOptions): Promise<Keeper> => {
  const { executor, training, storage, settings, name, judge } = options
  checkSettings(settings)
  const shelf = createShelf(storage)
  let { round: last, base } = await restore(options)
  let tensors = await tensorsOf(base)
  let round: Round | undefined
  let updates = new Map<Hex, { bytes: Uint8Array; message: UpdateMessage }>()
  let waiting: Hex[] = []
  let merging: readonly Standing[] | undefined
  let ended: RoundEnd | undefined
  let refusedWhy: Refusal | undefined

  async function tensorsOf(of: BaseName): Promise<readonly Tensor[]> {
    const bytes = await shelf.get(of.blob)
    const read = bytes && decodeParameters(bytes, training.parameters)
    if (read?.ok && tensorsRoot(read.value) === of.root) return read.value
    throw new FaultError(
      fault(
        'keeper-damaged',
        'base',
        of.blob,
        'the bytes of this hash',
        'Restore the storage, or begin anew in an empty one.',
      ),
    )
  }

  const act = (event: RoundEvent): void => {
    if (round === undefined) return
    const step = roundStep(round, event)
    round = step.round
    for (const effect of step.effects) apply(effect)
  }
  const apply = (effect: RoundEffect): void => {
    switch (effect.kind) {
      case 'refuse':
        refusedWhy = effect.why
        // An update that is taken out again was its participant's only one.
        if (effect.why === 'run-differs') updates.delete(effect.participant)
        return
      case 'keep':
        return
      case 're-execute':
        waiting.push(effect.participant)
        return
      case 'merge':
        merging = effect.members
        return
      case 'too-few':
        ended = { kind: 'too-few', round: round!.offer.round }
    }
  }

  const rerun = async (participant: Hex): Promise<void> => {
    const found = await runAgain(executor, training, tensors, updates.get(participant)!.message)
    act({ kind: 'checked', participant, same: found.ok && found.value.differs.length === 0 })
  }

  const merge = async (members: readonly Standing[]): Promise<RoundEnd> => {
    const { offer, refused } = round!
    const sent = members.map(({ participant }) => updates.get(participant)!)
    const all = sent.map(({ message }) => message.parameters)
    const merged = await mergeUpdates(executor, training.parameters, tensors, all, offer.norm)
    const judged = judge && { before: await judge(tensors), after: await judge(merged.parameters) }
    // Not a number is not better.
    if (judged && !(judged.after <= judged.before)) return { kind: 'worse', round: offer.round, ...judged }
    const lineage: BaseLineage = {
      ...{ format: 'lockstep-base-1', keeper: name, round: offer.round, training: offer.training },
      parent: base,
      members: members.map(({ participant, share, update, parameters, checked }, m) => ({
        ...{ participant, share, update, parameters, norm: merged.norms[m]!, clip: merged.clips[m]! },
        checked: checked === 're-executed' ? 're-executed' : 'private',
      })),
      refused,
      norm: { most: offer.norm, bound: merged.bound },
      ...{ average: merged.average, judged: judged ?? null, result: tensorsRoot(merged.parameters) },
    }
    const blobs = sent.map(({ bytes }) => bytes)
    blobs.push(encodeBaseLineage(lineage), encodeParameters(merged.parameters))
    const hashes: Hex[] = []
    for (const bytes of blobs) hashes.push(await shelf.put(bytes))
    const [lineageHash, blob] = hashes.slice(-2) as [Hex, Hex]
    const next = { root: lineage.result, blob, lineage: lineageHash }
    await storage.put(CURRENT, encodeDocument({ round: last, base: next }))
    await forget(hashes)
    base = next
    tensors = merged.parameters
    return { kind: 'published', base, lineage }
  }

  /** Keeps what the last rounds published, and forgets what came before it. */
  const forget = async (newest: readonly Hex[]): Promise<void> => {
    const stored = await storage.get(RECENT)
    const read = stored && decodeDocument(stored, recent, { kind: 'keeper', most: 2 ** 22 })
    const rounds = [...(read?.ok ? read.value : []), newest]
    const gone = rounds.splice(0, Math.max(0, rounds.length - settings.kept))
    const stays = new Set(rounds.flat())
    await storage.put(RECENT, encodeDocument(rounds))
    for (const hash of gone.flat()) if (!stays.has(hash)) await shelf.delete(hash)
  }

  const work = async (now: number): Promise<RoundEnd | undefined> => {
    act({ kind: 'time', at: now })
    while (waiting.length > 0) await rerun(waiting.shift()!)
    if (merging !== undefined) {
      const members = merging
      merging = undefined
      ended = await merge(members)
      act({ kind: 'merged' })
    }
    const end = ended
    if (end !== undefined) {
      ended = undefined
      round = undefined
      updates = new Map()
      waiting = []
    }
    return end
  }

  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(fn: () => Promise<T>): Promise<T> => {
    const mine = turn.then(fn)
    turn = mine.catch(() => {})
    return mine
  }

  return {
    base: () => base,
    offer: () => (round?.phase === 'open' ? encodeOffer(round.offer) : undefined),
    blob: (hash) => shelf.get(hash),
    open: (now) =>
      inTurn(async () => {
        if (round !== undefined) return
        // The number is on the disk before anybody hears of it: what was sent to an earlier round never fits a later one.
        await storage.put(CURRENT, encodeDocument({ round: last + 1, base }))
        last++
        const { name: kind, id, steps, program } = training
        const offer: RoundOffer = {
          ...{ format: 'lockstep-round-1', round: last, training: { name: kind, program: id, steps }, base },
          ...{ opened: now, closes: now + settings.seconds, norm: settings.norm },
          updates: { least: settings.least, most: settings.most },
        }
        round = openRound(offer, rootsOf(training, training.begin(tensors)), program.inputs.length)
      }),
    receive: async (bytes, now) => {
      const read = decodeUpdate(bytes, training.parameters)
      if (!read.ok) return read
      const message = read.value
      if (round === undefined) return refusal('round-closed')
      const update = bytesHash(bytes)
      refusedWhy = undefined
      act({ kind: 'given', at: now, update, message, found: tensorsRoot(message.parameters) })
      if (refusedWhy !== undefined) return refusal(refusedWhy)
      updates.set(message.participant, { bytes: bytes.slice(), message })
      return ok({ update })
    },
    tick: (now) => inTurn(() => work(now)),
  }
}

/** Where the keeper stands by its storage, which a first start fills. */
const restore = async ({ storage, training, base }: KeeperOptions): Promise<Current> => {
  const stored = await storage.get(CURRENT)
  if (stored !== undefined) {
    const read = decodeDocument(stored, current, { kind: 'keeper', most: 4096 })
    if (!read.ok) throw new FaultError(read.fault)
    return read.value
  }
  const bytes = encodeParameters(base)
  const read = decodeParameters(bytes, training.parameters)
  if (!read.ok) throw new FaultError(read.fault)
  const blob = await createShelf(storage).put(bytes)
  const first: Current = { round: 0, base: { root: tensorsRoot(base), blob, lineage: null } }
  await storage.put(CURRENT, encodeDocument(first))
  return first
}

const REMEDIES: { readonly [W in Refusal]: string } = {
  'round-closed': 'Ask for the round that is open now.',
  'round-full': 'Wait for the next round.',
  'round-other': 'Learn from the base of the round that is open now, and send that.',
  'training-other': 'Learn with the program, for the steps and from the base that the offer names.',
  'receipt-false': 'Send the parameters that the receipt is about.',
  'update-idle': 'Send nothing where nothing was learned.',
  'update-again': 'Each participant gives one update a round.',
  'update-copied': 'Send what was learned from your own episodes.',
  'run-differs': 'Send the episodes from which it was learned.',
}

const refusal = (why: Refusal): Result<never> =>
  fail(fault('update-refused', 'update', why, 'an update of the round that is open', REMEDIES[why]))

const fault = (code: string, field: string, value: string, limit: string, remedy: string): Fault => ({
  ...{ code, field, value, limit, remedy },
})

const checkSettings = ({ seconds, least, most, norm, kept }: KeeperSettings): void => {
  const check = (field: string, value: number, from: number, to: number): void => {
    if (Number.isInteger(value) && value >= from && value <= to) return
    throw new FaultError(
      fault(
        'keeper-invalid',
        field,
        String(value),
        `an integer from ${from} to ${to}`,
        'Choose a value within the limits.',
      ),
    )
  }
  check('seconds', seconds, 1, 2 ** 31)
  check('most', most, 1, 64)
  check('least', least, 1, most)
  check('kept', kept, 2, 256)
  if (!(norm > 0 && norm <= 1e6))
    throw new FaultError(
      fault(
        'keeper-invalid',
        'norm',
        String(norm),
        'above 0, at most 1e6',
        'Choose a value within the limits.',
      ),
    )
}
