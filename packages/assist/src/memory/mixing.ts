import { quickExp, quickLog } from './logarithm.ts'

/** Chances below this count as this. */
const LEAST = 1e-7
/** By how much weights are moved for one symbol. */
const RATE = 0.0015
/** A mixture that is heard less than this learns nothing: it would hardly move. */
const HEARD = 0.02

/** Weights of experts: for each selection as many as there are experts. */
export type Weights = Float64Array

/**
 * Multiplies what experts say of the next symbol, each to a power that is learned: p = softmax(sum of w ln p_e), with one
 * set of weights for each selection, an integer that says what kind of place it is. With each symbol the weights go a small
 * step down the slope of -ln p(symbol). (Logistic mixing, as in Mahoney's PAQ, 2005, over whole symbols rather than bits.)
 */
export const createMixing = (experts: number, symbols: number) => {
  const logs = new Float64Array(experts * symbols)
  return {
    /** What an expert says, chances of all symbols. */
    hear: (expert: number, p: Float64Array): void => {
      const from = expert * symbols
      for (let s = 0; s < symbols; s++) logs[from + s] = quickLog(p[s]! > LEAST ? p[s]! : LEAST)
    },
    /** Chances of the mixture of what was heard last. */
    mix: (weights: Weights, selection: number): Float64Array => {
      const p = new Float64Array(symbols)
      for (let e = 0; e < experts; e++) {
        const weight = weights[selection * experts + e]!
        const from = e * symbols
        for (let s = 0; s < symbols; s++) p[s]! += weight * logs[from + s]!
      }
      let most = -Infinity
      for (let s = 0; s < symbols; s++) if (p[s]! > most) most = p[s]!
      let sum = 0
      for (let s = 0; s < symbols; s++) {
        p[s] = quickExp(p[s]! - most)
        sum += p[s]!
      }
      for (let s = 0; s < symbols; s++) p[s]! /= sum
      return p
    },
    /** Moves the weights that came to `p` where `symbol` followed. */
    learn: (weights: Weights, selection: number, p: Float64Array, symbol: number, share: number): void => {
      if (share < HEARD) return
      for (let e = 0; e < experts; e++) {
        const from = e * symbols
        let expected = 0
        for (let s = 0; s < symbols; s++) expected += p[s]! * logs[from + s]!
        weights[selection * experts + e]! += RATE * share * (logs[from + symbol]! - expected)
      }
    },
  }
}
