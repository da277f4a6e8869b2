import type { Hex } from '@lockstep/proof'
import { ROUND_LIMITS, type RoundOffer } from './offer.ts'
import type { ModelRoots } from './training.ts'
import type { Share, UpdateMessage } from './update-message.ts'

/** Why an update is not taken, or is taken out again. */
export type Refusal =
  | 'round-closed'
  | 'round-full'
  | 'round-other' // of another round: a replay, or too late
  | 'training-other' // another program, other steps, or another base
  | 'receipt-false' // it speaks of other parameters than came with it
  | 'update-idle' // the base itself
  | 'update-again' // the participant has given one
  | 'update-copied' // somebody has given the same
  | 'run-differs' // run again, other bits come out

export type Standing = {
  readonly participant: Hex
  readonly share: Share
  /** The hash of the update's bytes. */
  readonly update: Hex
  readonly parameters: Hex
  /** `waiting` until it has been run again; what is private never is. */
  readonly checked: 'waiting' | 're-executed' | 'private'
}

/** A round, as far as it has come. `closing` takes no more updates and waits for those that are being run again. */
export type Round = {
  readonly offer: RoundOffer
  /** Of the state that learning begins with. */
  readonly begins: ModelRoots
  readonly inputs: number // of the training's program
  readonly phase: 'open' | 'closing' | 'merging' | 'over'
  readonly updates: readonly Standing[] // in order of arrival
  /** The first ones, as many as a lineage names. */
  readonly refused: readonly Refused[]
}
export type Refused = { readonly participant: Hex; readonly why: Refusal }

export type RoundEvent =
  | {
      readonly kind: 'given'
      readonly at: number
      readonly update: Hex
      readonly message: UpdateMessage
      readonly found: Hex
    }
  | { readonly kind: 'checked'; readonly participant: Hex; readonly same: boolean }
  | { readonly kind: 'time'; readonly at: number }
  | { readonly kind: 'merged' }

export type RoundEffect =
  | { readonly kind: 'refuse'; readonly participant: Hex; readonly why: Refusal }
  | { readonly kind: 'keep'; readonly participant: Hex }
  | { readonly kind: 're-execute'; readonly participant: Hex }
  | { readonly kind: 'merge'; readonly members: readonly Standing[] }
  | { readonly kind: 'too-few' }

export type RoundStep = { readonly round: Round; readonly effects: readonly RoundEffect[] }

export const openRound = (offer: RoundOffer, begins: ModelRoots, inputs: number): Round => ({
  ...{ offer, begins, inputs },
  ...{ phase: 'open', updates: [], refused: [] },
})

/** What happens to a round. In `given`, `found` is the root of the parameters that came, as the keeper computed it. */
export const roundStep = (round: Round, event: RoundEvent): RoundStep => {
  switch (event.kind) {
    case 'given':
      return given(round, event)
    case 'checked':
      return checked(round, event)
    case 'time':
      return passing(round, event.at)
    case 'merged':
      return { round: { ...round, phase: 'over' }, effects: [] }
  }
}

const given = (round: Round, { at, update, message, found }: RoundEvent & { kind: 'given' }): RoundStep => {
  const { participant, share } = message
  const why = refusalOf(round, at, message, found)
  if (why !== undefined) return refuse(round, participant, why)
  const checked = share === 'episodes' ? 'waiting' : 'private'
  const standing: Standing = { participant, share, update, parameters: found, checked }
  const effects: RoundEffect[] = [{ kind: 'keep', participant }]
  if (checked === 'waiting') effects.push({ kind: 're-execute', participant })
  return { round: { ...round, updates: [...round.updates, standing] }, effects }
}

const refusalOf = (
  { offer, begins, inputs, phase, updates }: Round,
  at: number,
  { round, participant, receipt }: UpdateMessage,
  found: Hex,
): Refusal | undefined => {
  if (phase !== 'open' || at >= offer.closes) return 'round-closed'
  if (round !== offer.round) return 'round-other'
  const { training } = offer
  const { before, after } = receipt
  const isTraining =
    receipt.program === training.program &&
    receipt.steps === training.steps &&
    receipt.inputs.length === inputs &&
    before.state === begins.state &&
    before.parameters === begins.parameters
  if (!isTraining) return 'training-other'
  if (after.parameters !== found) return 'receipt-false'
  if (found === begins.parameters) return 'update-idle'
  if (updates.some((one) => one.participant === participant)) return 'update-again'
  if (updates.some((one) => one.parameters === found)) return 'update-copied'
  return updates.length >= offer.updates.most ? 'round-full' : undefined
}

const refuse = (round: Round, participant: Hex, why: Refusal): RoundStep => {
  const refused =
    round.refused.length < ROUND_LIMITS.updates ? [...round.refused, { participant, why }] : round.refused
  return { round: { ...round, refused }, effects: [{ kind: 'refuse', participant, why }] }
}

const checked = (round: Round, { participant, same }: RoundEvent & { kind: 'checked' }): RoundStep => {
  const isOne = (one: Standing): boolean => one.participant === participant && one.checked === 'waiting'
  if (!round.updates.some(isOne)) return { round, effects: [] }
  if (!same) {
    const updates = round.updates.filter((one) => !isOne(one))
    return moveOn(refuse({ ...round, updates }, participant, 'run-differs'))
  }
  const updates = round.updates.map(
    (one): Standing => (isOne(one) ? { ...one, checked: 're-executed' } : one),
  )
  return moveOn({ round: { ...round, updates }, effects: [] })
}

const passing = (round: Round, at: number): RoundStep => {
  const { phase, offer, updates } = round
  const isDue = at >= offer.closes || updates.length >= offer.updates.most
  return phase === 'open' && isDue
    ? moveOn({ round: { ...round, phase: 'closing' }, effects: [] })
    : { round, effects: [] }
}

/** A closing round is merged as soon as nothing is waiting. Members stand in the order of their names, whoever came first. */
const moveOn = ({ round, effects }: RoundStep): RoundStep => {
  const { phase, updates, offer } = round
  if (phase !== 'closing' || updates.some((one) => one.checked === 'waiting')) return { round, effects }
  if (updates.length < offer.updates.least)
    return { round: { ...round, phase: 'over' }, effects: [...effects, { kind: 'too-few' }] }
  const members = [...updates].sort((a, b) => (a.participant < b.participant ? -1 : 1))
  return { round: { ...round, phase: 'merging' }, effects: [...effects, { kind: 'merge', members }] }
}
