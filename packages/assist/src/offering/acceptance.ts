/** What is known of a possible offer when it is decided whether to make it. See docs/assist.md. */
export const OFFER_FEATURES = [
  'log', // natural logarithm of the probability of the whole
  'mean', // the same for a symbol, on average
  'worst', // the least of them
  'length', // symbols
  'saved', // actions that it saves
  'matched', // how long a context the memory had met before, in symbols, on average
  'pause', // seconds since the last action, at most 10
  'since', // actions since the last offer ended, at most 100
  'recent', // part of the last 20 offers that were taken
  'shown', // 1 if it is or was shown, 0 of one that was only compared
] as const

export type OfferFeature = (typeof OFFER_FEATURES)[number]
export type OfferFeatures = { readonly [name in OfferFeature]: number }

/** An offer that was made or held back, and whether it was wanted: taken and let stand, or what the person did anyway. */
export type Outcome = { readonly features: OfferFeatures; readonly wanted: boolean }

/** How likely offers are to be taken, learned from outcomes. What it says follows from the outcomes it was last given, and from nothing else. */
export type Acceptance = {
  probabilities(features: readonly OfferFeatures[]): Promise<Float32Array>
  /** Forgets what it has learned and learns from these, oldest first. */
  learn(outcomes: readonly Outcome[]): Promise<void>
  close(): Promise<void>
}
