import type { Memory, MemoryView } from './memory.ts'
import type { PublicCounts, PublicNode } from './public-counts.ts'

/** Most symbols of a context that is looked up. */
export const NGRAM_ORDERS = 6
/** What a symbol's count rises by when it is met. */
const STEP = 64
/** Each time a context is met its older counts lose a part of 2^-FADE[order]: what was met lately weighs more. Order 0 loses nothing. */
const FADE: readonly number[] = [31, 9, 6, 6, 6, 6, 6]
/** Weight of the shorter contexts beside a context's counts, by order: so much for each different symbol that it has met. */
const ESCAPE: readonly number[] = [64, 128, 160, 192, 192, 192, 192]
/** What a context of public texts weighs at most. */
const PUBLICLY = 4 * STEP

/** Longest context of one's own / 6, share of the longest context's likeliest symbol, chance of the likeliest symbol, whether a context of 4 was met anywhere. */
const FEATURES = 4

/** How sure it is at first that public counts help with what this person writes, and what of it goes back to even at each symbol. */
const [TRUST, SHARE] = [0.9, 0.005]

/** Passages that are forgotten without counting all others again, newest first: people take back what they have just typed. */
const JOURNAL = 256

/** Counts of what followed one context. Contexts have few different followers, so a pair of small arrays is enough. */
export type NgramNode = { readonly symbols: number[]; readonly counts: number[]; total: number }
type Nodes = Map<string, NgramNode>
/** What stood at a context before it was told of something. */
type Undo = { readonly key: string; readonly was: NgramNode | undefined }
type Taken = { readonly trust: number; readonly undo: Undo[] }
type Kept = { readonly context: Uint16Array; readonly symbols: Uint16Array; readonly at: number }

/**
 * An n-gram memory of orders 0 to 6 that weighs what was met lately. A context's counts are blended with what the next shorter
 * context says: p = (count + e p') / (total + e), where e is ESCAPE for each different symbol met there, as in interpolated
 * Witten-Bell smoothing (Witten and Bell, 1991), down to an even chance. A context is not told of a symbol that a longer
 * one knew already, as in PPM (Moffat, 1990): so counts of short contexts say what is new after long ones. Where there are public counts, each
 * of their contexts stands beside one's own as though it had been met at most PUBLICLY / STEP times; how much they are heard follows
 * from how well the person's latest symbols were foreseen with them and without: two experts, whose shares are weighed by
 * Bayes' rule and a little of them shared out again (Herbster and Warmuth, 1998). The numbers were chosen on texts that no
 * replay study types; docs/decisions/0046 says which.
 *
 * Counts are integers and additions have one order: the same history gives the same bits. The newest passages are
 * forgotten by putting back what stood there before them, others by counting what is left again: nothing of them stays.
 * @param symbols Size of the vocabulary, at most 512
 */
export const ngramMemory = (symbols: number, beneath?: PublicCounts): Memory => {
  let nodes: Nodes = new Map()
  let passages: Kept[] = [] // by time
  let journal: Taken[] = [] // of the newest passages
  let trust = TRUST // share of the expert that hears public counts
  let isStale = false

  const take = ({ context, symbols: written }: Kept): void => {
    const undo: Undo[] = []
    const before = trust
    along(context, written, (past, symbol) => {
      if (beneath) {
        const heard = trust * chanceOf(nodes, beneath.nodes, symbols, past, symbol)
        const unheard = (1 - trust) * chanceOf(nodes, undefined, symbols, past, symbol)
        trust = (1 - SHARE) * (heard / (heard + unheard)) + SHARE / 2
      }
      tell(nodes, past, symbol, undo)
    })
    journal.push({ trust: before, undo })
    if (journal.length > JOURNAL) journal.shift()
  }
  const rebuild = (): void => {
    if (!isStale) return
    isStale = false
    nodes = new Map()
    journal = []
    trust = TRUST
    for (const one of passages) take(one)
  }

  return {
    features: FEATURES,
    learn: (context, written, at) => {
      if (written.length === 0) return
      const kept = { context: context.slice(-NGRAM_ORDERS), symbols: written.slice(), at }
      const isNewest = passages.length === 0 || passages.at(-1)!.at <= at
      passages.push(kept)
      if (isNewest && !isStale) take(kept)
      if (isNewest) return
      passages = passages.toSorted((a, b) => a.at - b.at)
      isStale = true
    },
    forget: (context, written, at) => {
      const short = context.slice(-NGRAM_ORDERS)
      const place = passages.findLastIndex(
        (one) => one.at === at && same(one.symbols, written) && same(one.context, short),
      )
      if (place < 0) return
      const isNewest = place === passages.length - 1
      passages.splice(place, 1)
      if (isStale) return
      const taken = isNewest ? journal.pop() : undefined
      if (taken === undefined) isStale = true
      else trust = taken.trust
      for (const { key, was } of taken?.undo.reverse() ?? [])
        if (was === undefined) nodes.delete(key)
        else nodes.set(key, was)
    },
    view: (context) => {
      rebuild()
      const view = viewOf(nodes, beneath?.nodes, symbols, context)
      if (!beneath) return view
      const without = viewOf(nodes, undefined, symbols, context)
      return { ...view, p: view.p.map((chance, s) => trust * chance + (1 - trust) * without.p[s]!) }
    },
  }
}

/** Goes along some symbols with the newest of what stands before each. */
const along = (
  context: Uint16Array,
  written: Uint16Array,
  visit: (past: string, symbol: number) => void,
): void => {
  let past = keyOf(context, Math.max(0, context.length - NGRAM_ORDERS))
  for (const symbol of written) {
    visit(past, symbol)
    past = (past + String.fromCharCode(symbol)).slice(-NGRAM_ORDERS)
  }
}

/** Tells the contexts of a place what followed, from the longest to the one behind the first that knew it already. */
const tell = (nodes: Nodes, past: string, symbol: number, undo?: Undo[]): void => {
  let isTold = false
  for (let order = past.length; order >= 0; order--) {
    const key = past.slice(past.length - order)
    const was = nodes.get(key)
    const node: NgramNode = { symbols: was ? [...was.symbols] : [], counts: [], total: 0 }
    let isKnown = false
    for (let i = 0; i < node.symbols.length; i++) {
      const old = was!.counts[i]!
      let count = old - (old >> FADE[order]!)
      if (node.symbols[i] === symbol) {
        isKnown = true
        count += STEP
      }
      node.counts.push(count)
      node.total += count
    }
    if (!isKnown) {
      node.symbols.push(symbol)
      node.counts.push(STEP)
      node.total += STEP
    }
    nodes.set(key, node)
    undo?.push({ key, was })
    if (isTold) return
    isTold = isKnown
  }
}

/** The chance of one symbol, as `viewOf` gives it of all. */
const chanceOf = (
  nodes: ReadonlyMap<string, NgramNode>,
  beneath: PublicCounts['nodes'] | undefined,
  symbols: number,
  past: string,
  symbol: number,
): number => {
  let chance = 0
  let left = 1
  for (let order = past.length; order >= 0; order--) {
    const key = past.slice(past.length - order)
    const [own, common] = [nodes.get(key), beneath?.get(key)]
    if (own === undefined && common === undefined) continue
    const part = common ? Math.min(STEP, PUBLICLY / (common.total + common.rare)) : 0
    const { each, shorter } = weights(order, part, own, common, left)
    const [mine, theirs] = [own?.symbols.indexOf(symbol) ?? -1, common?.symbols.indexOf(symbol) ?? -1]
    if (mine >= 0) chance += own!.counts[mine]! * each
    if (theirs >= 0) chance += part * common!.counts[theirs]! * each
    left = shorter * each
  }
  return chance + left / symbols
}

/** What each count of a context weighs, and what is left to shorter contexts for each of that. */
const weights = (
  order: number,
  part: number,
  own: NgramNode | undefined,
  common: PublicNode | undefined,
  left: number,
): { readonly each: number; readonly shorter: number; readonly total: number } => {
  const rare = common?.rare ?? 0
  const met = (own?.symbols.length ?? 0) + (part / STEP) * ((common?.symbols.length ?? 0) + rare)
  const total = (own?.total ?? 0) + part * (common?.total ?? 0)
  const shorter = ESCAPE[order]! * met + part * rare
  return { each: left / (total + shorter), shorter, total }
}

const viewOf = (
  nodes: ReadonlyMap<string, NgramNode>,
  beneath: PublicCounts['nodes'] | undefined,
  symbols: number,
  context: ArrayLike<number>,
): MemoryView => {
  const past = keyOf(context, Math.max(0, context.length - NGRAM_ORDERS))
  const p = new Float64Array(symbols)
  let [matched, known, share] = [0, 0, 0]
  // From the longest context down: `left` is what it and longer ones leave to shorter ones.
  let left = 1
  for (let order = past.length; order >= 0; order--) {
    const key = past.slice(past.length - order)
    const [own, common] = [nodes.get(key), beneath?.get(key)]
    if (own === undefined && common === undefined) continue
    const part = common ? Math.min(STEP, PUBLICLY / (common.total + common.rare)) : 0
    const { each, shorter, total } = weights(order, part, own, common, left)
    let most = 0
    for (let i = 0; own && i < own.symbols.length; i++) {
      p[own.symbols[i]!]! += own.counts[i]! * each
      most = Math.max(most, own.counts[i]!)
    }
    for (let i = 0; common && i < common.symbols.length; i++) {
      p[common.symbols[i]!]! += part * common.counts[i]! * each
      if (!own) most = Math.max(most, part * common.counts[i]!)
    }
    left = shorter * each
    if (own) matched = Math.max(matched, order)
    if (share === 0) [known, share] = [order, most / total]
  }
  let best = 0
  for (let s = 0; s < symbols; s++) {
    p[s]! += left / symbols
    best = Math.max(best, p[s]!)
  }
  return {
    p: Float32Array.from(p),
    features: Float32Array.of(matched / NGRAM_ORDERS, share, best, known >= 4 ? 1 : 0),
    matched,
  }
}

const keyOf = (symbols: ArrayLike<number>, from: number): string => {
  let key = ''
  for (let i = from; i < symbols.length; i++) key += String.fromCharCode(symbols[i]!)
  return key
}

const same = (a: Uint16Array, b: Uint16Array): boolean =>
  a.length === b.length && a.every((symbol, i) => symbol === b[i])
