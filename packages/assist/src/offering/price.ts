/**
 * What an unwanted offer costs, in actions, beside the look at it: learned from how fast they use up the patience. It rises
 * with each and falls with each action so that they come a little more seldom than the patience would bear: the few that
 * there may be are then spent on the offers that are likeliest and save most. (Dual ascent on the bound's multiplier.)
 */
export type Price = {
  /** The person did something. */
  acted(): void
  /** An offer was unwanted. */
  unwanted(): void
  now(): number
}

/** The part of the patience that is aimed at. */
const PACE = 0.85
/** Actions by which one more unwanted offer than that raises the price. */
const RISE = 0.25
const FIRST = 0
const MOST = 20

/** @param allowed Unwanted offers of a hundred actions, as the setting says */
export const createPrice = (allowed: () => number): Price => {
  let price = FIRST
  return {
    acted: () => {
      price = Math.max(0, price - (RISE * PACE * allowed()) / 100)
    },
    unwanted: () => {
      price = Math.min(MOST, price + RISE)
    },
    now: () => price,
  }
}
