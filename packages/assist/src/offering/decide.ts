import type { Suggestion } from '../assistant/suggester.ts'
import type { Environment } from '../environment/environment.ts'
import type { OfferFeatures } from './acceptance.ts'

/** What is known of the person at the moment, beside the suggestion itself. */
export type Moment = Pick<OfferFeatures, 'pause' | 'since' | 'recent'>

/** A beginning of a suggestion that could be offered. */
export type Cut<Action> = {
  readonly symbols: Uint16Array
  readonly action: Action
  readonly saved: number
  readonly features: OfferFeatures
}

/** Less than this no symbol's log-probability counts, nor does one that is no number. */
const LEAST_LOG = -100

/** The beginnings of a suggestion that may be offered in a state: those that end well, mean something and save something. */
export const cutsOf = <State, Action>(
  { symbols, logs, matched }: Suggestion,
  state: State,
  environment: Environment<State, Action>,
  moment: Moment,
): Cut<Action>[] => {
  const cuts: Cut<Action>[] = []
  let [log, worst, known] = [0, 0, 0]
  for (let n = 1; n <= Math.min(symbols.length, environment.offers.most); n++) {
    const last = Math.min(0, logs[n - 1]! > LEAST_LOG ? logs[n - 1]! : LEAST_LOG)
    log += last
    worst = Math.min(worst, last)
    known += matched[n - 1]!
    const some = symbols.slice(0, n)
    if (!environment.offers.ends(some, state, symbols[n])) continue
    const saved = environment.saved(some, state)
    if (!(saved > 0)) continue
    const action = environment.actionOf(some, state)
    if (action === undefined) continue
    const features = { log, mean: log / n, worst, length: n, saved, matched: known / n, ...moment, shown: 1 }
    cuts.push({ symbols: some, action, saved, features })
  }
  return cuts
}

/** What deciding goes by: the costs of a look and of an unwanted offer, in actions; the least probability. */
export type Terms = { readonly attention: number; readonly price: number; readonly least: number }

/** The expected saved actions of an offer, less what looking at it costs, less what it costs if it is unwanted. */
export const worthOf = (
  probability: number,
  saved: number,
  { attention, price }: Pick<Terms, 'attention' | 'price'>,
): number => probability * saved - attention - price * (1 - probability)

/**
 * The best cut, and whether it is worth offering: it saves more than it costs to look at, and it is likely enough.
 * Undefined where there is none.
 */
export const bestOf = <Action>(
  cuts: readonly Cut<Action>[],
  probabilities: ArrayLike<number>,
  terms: Terms,
): { readonly cut: Cut<Action>; readonly probability: number; readonly isWorth: boolean } | undefined => {
  let best: { cut: Cut<Action>; probability: number; isWorth: boolean; value: number } | undefined
  for (const [i, cut] of cuts.entries()) {
    const probability = probabilities[i]!
    const value = worthOf(probability, cut.saved, terms)
    const isWorth = value > 0 && probability >= terms.least
    const isBetter = best === undefined || (isWorth === best.isWorth ? value > best.value : isWorth)
    if (isBetter) best = { cut, probability, isWorth, value }
  }
  return best
}
