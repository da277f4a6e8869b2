import { type Passage, passagesOf, type Suggester, TEXT_SYMBOLS } from '@lockstep/assist'

/** How the counts become probabilities: docs/replay-study.md says how they were chosen. */
export type RecencyPlan = {
  /** Symbols of the longest context. */
  readonly order: number
  /** What is left of the older counts of a context when it is met again. */
  readonly fade: number
  /** Weight of the next shorter context, for each symbol that has followed this one. */
  readonly back: number
  /** The most that a context of public texts weighs, in symbols met. */
  readonly publicly: number
}
export const RECENCY: RecencyPlan = { order: 6, fade: 0.9, back: 1.5, publicly: 2 }

/** What has followed a context: weights, and how many symbols have one. */
type Followed = { readonly weights: Map<number, number>; total: number }

/** What stood in a place before. */
type Undo = { readonly of: Map<string, Followed>; readonly key: string; readonly was: Followed | undefined }

/** Passages that can be forgotten without counting everything again, newest first. */
const JOURNAL = 256

export type RecencyCounts = ReturnType<typeof recencyCounts>

/**
 * What has followed which contexts. Symbols are code units of a text here. `beneath` are counts of public texts, which stand
 * beside one's own as if each context had been met at most `publicly` times.
 */
export const recencyCounts = (
  plan: RecencyPlan = RECENCY,
  beneath?: { find(key: string): Followed | undefined },
) => {
  const orders = Array.from({ length: plan.order + 1 }, () => new Map<string, Followed>())
  const find = (key: string): Followed | undefined => orders[key.length]!.get(key)
  /** Probabilities of all symbols after a text, and how long a context of it was known. */
  const after = (text: string): { p: Float64Array; matched: number } => {
    let p = new Float64Array(TEXT_SYMBOLS).fill(1 / TEXT_SYMBOLS)
    let matched = 0
    for (let k = 0; k <= Math.min(plan.order, text.length); k++) {
      const key = text.slice(text.length - k)
      const [own, common] = [find(key), beneath?.find(key)]
      if (own === undefined && common === undefined) break
      matched = k
      const part = common ? Math.min(1, plan.publicly / common.total) : 0
      const back = plan.back * ((own?.weights.size ?? 0) + part * (common?.weights.size ?? 0))
      const whole = (own?.total ?? 0) + part * (common?.total ?? 0) + back
      p = p.map((x) => (back * x) / whole)
      if (own) for (const [symbol, weight] of own.weights) p[symbol]! += weight / whole
      if (common) for (const [symbol, weight] of common.weights) p[symbol]! += (part * weight) / whole
    }
    return { p, matched }
  }
  /** One symbol more behind a text. A shorter context learns it only where no longer one had met it: so counts of shorter ones tell what is new there. */
  const learn = (text: string, symbol: number, keeps = true): Undo[] => {
    const undo: Undo[] = []
    for (let k = Math.min(plan.order, text.length); k >= 0; k--) {
      const key = text.slice(text.length - k)
      const of = orders[k]!
      const known = of.get(key)
      if (keeps) undo.push({ of, key, was: known && { weights: new Map(known.weights), total: known.total } })
      const followed = known ?? { weights: new Map<number, number>(), total: 0 }
      of.set(key, followed)
      if (k > 0) {
        for (const [other, weight] of followed.weights) followed.weights.set(other, weight * plan.fade)
        followed.total *= plan.fade
      }
      const weight = followed.weights.get(symbol)
      followed.weights.set(symbol, (weight ?? 0) + 1)
      followed.total++
      if (weight !== undefined) break
    }
    return undo
  }
  /** Goes along symbols behind a context, with the newest of them as text. */
  const along = (
    context: Uint16Array,
    symbols: Uint16Array,
    visit: (text: string, symbol: number) => void,
  ): void => {
    let text = String.fromCharCode(...context.subarray(Math.max(0, context.length - plan.order)))
    for (const symbol of symbols) {
      visit(text, symbol)
      text = (text + String.fromCharCode(symbol)).slice(-plan.order)
    }
  }
  /** A whole text that is never forgotten. */
  const read = (text: Uint16Array): void =>
    along(new Uint16Array(0), text, (before, symbol) => void learn(before, symbol, false))
  return { after, find, learn, along, read }
}

/**
 * The strong simple baseline: n-grams of all orders up to `order`, in which newer counts weigh more, each order mixed with
 * the next shorter one after the manner of Witten and Bell (1991). No network, no training; written apart from the
 * assistant's own memory. `beneath` are the counts of texts that everybody may know.
 */
export const recencySuggester = (beneath?: RecencyCounts, plan: RecencyPlan = RECENCY): Suggester => {
  const passages: Passage[] = []
  let counts = recencyCounts(plan, beneath)
  let journal: Undo[][] = [] // of the newest passages
  const take = (context: Uint16Array, symbols: Uint16Array): Undo[] => {
    const undo: Undo[] = []
    counts.along(context, symbols, (text, symbol) => void undo.push(...counts.learn(text, symbol)))
    return undo
  }
  const clear = (): void => {
    counts = recencyCounts(plan, beneath)
    journal = []
  }
  clear()
  return {
    symbols: TEXT_SYMBOLS,
    context: plan.order,
    suggest: async (context, { most, least }) => {
      const symbols: number[] = []
      const logs: number[] = []
      const matches: number[] = []
      let text = String.fromCharCode(...context.subarray(Math.max(0, context.length - plan.order)))
      let whole = 0
      while (symbols.length < most && (symbols.length === 0 || whole >= least)) {
        const { p, matched } = counts.after(text)
        let best = 0
        for (let s = 1; s < p.length; s++) if (p[s]! > p[best]!) best = s
        symbols.push(best)
        logs.push(Math.log(p[best]!))
        matches.push(matched)
        whole += Math.log(p[best]!)
        text = (text + String.fromCharCode(best)).slice(-plan.order)
      }
      return {
        symbols: Uint16Array.from(symbols),
        logs: Float32Array.from(logs),
        matched: Uint8Array.from(matches),
      }
    },
    cancel: () => {},
    remember: async (passage) => {
      passages.push(passage)
      journal.push(take(passage.context, passage.symbols))
      if (journal.length > JOURNAL) journal.shift()
    },
    forget: async ({ at, symbols }) => {
      const same = (of: Passage): boolean => of.at === at && String(of.symbols) === String(symbols)
      if (journal.length > 0 && same(passages.at(-1)!)) {
        passages.pop()
        for (const { of, key, was } of journal.pop()!.reverse())
          if (was === undefined) of.delete(key)
          else of.set(key, was)
        return
      }
      passages.splice(0, passages.length, ...passages.filter((of) => !same(of)))
      clear()
      for (const of of passages) take(of.context, of.symbols)
    },
    learn: async () => undefined,
    evaluate: async ({ on }) => {
      let [bits, count] = [0, 0]
      for (const { context, symbols } of on.flatMap(passagesOf))
        counts.along(context, symbols, (text, symbol) => {
          bits -= Math.log2(counts.after(text).p[symbol]!)
          count++
        })
      return bits / Math.max(1, count)
    },
    state: async () => new Uint8Array(0),
    load: async () => {},
    close: async () => {},
  }
}
