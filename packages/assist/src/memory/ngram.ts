import type { Memory, MemoryView } from './memory.ts'

/** Most symbols of a context that is looked up. */
const ORDERS = 6
/** What a symbol's count rises by when it is met. */
const STEP = 8
/** Where a context's counts come to this, all are halved: what was met lately weighs more. */
const FULL = 512
/** Weight of the shorter contexts beside a context's counts: so much for each different symbol that it has met. */
const ESCAPE = 28

/** Longest matched context / 6, share of its likeliest symbol, chance of the likeliest symbol, whether a context of 4 was met before. */
const FEATURES = 4

/** Counts of what followed one context. Contexts have few different followers, so a pair of small arrays is enough. */
type Node = { symbols: number[]; counts: number[]; total: number }

/**
 * An n-gram memory of orders 0 to 6 that weighs what was met lately. A context's counts are blended with what the next shorter
 * context says: p = (count + e p') / (total + e), where e is ESCAPE for each different symbol met there, as in interpolated
 * Witten-Bell smoothing (Witten and Bell, 1991), down to a uniform chance. Counts rise by STEP and are halved when a context
 * is full, and contexts more than one shorter than the longest that knew the symbol are not told of it, as in PPM (Moffat,
 * 1990). ESCAPE, FULL and that one were chosen on the first 100 kB of Moby-Dick: 2.46 bits a byte of its second half. Integer counts, and one order of additions: the same history gives the same bits.
 *
 * Forgetting rebuilds what is left from its passages, so nothing of what is forgotten stays.
 * @param symbols Size of the vocabulary, at most 512
 */
export const ngramMemory = (symbols: number): Memory => {
  let nodes = new Map<string, Node>()
  let passages: { readonly context: Uint16Array; readonly symbols: Uint16Array; readonly at: number }[] = []
  let isStale = false

  const firstTold = (past: string, symbol: number): number => {
    for (let order = Math.min(ORDERS, past.length); order > 0; order--)
      if (nodes.get(past.slice(past.length - order))?.symbols.includes(symbol)) return order - 1
    return 0
  }
  const count = (past: string, symbol: number): void => {
    for (let order = firstTold(past, symbol); order <= Math.min(ORDERS, past.length); order++) {
      const key = past.slice(past.length - order)
      let node = nodes.get(key)
      if (node === undefined) {
        node = { symbols: [], counts: [], total: 0 }
        nodes.set(key, node)
      }
      const place = node.symbols.indexOf(symbol)
      if (place < 0) {
        node.symbols.push(symbol)
        node.counts.push(STEP)
      } else node.counts[place]! += STEP
      node.total += STEP
      // The shortest contexts are met all the time: they need more counts to tell symbols apart.
      if (node.total > (order < 2 ? 64 * FULL : FULL)) halve(node)
    }
  }
  const take = (context: Uint16Array, written: Uint16Array): void => {
    let past = keyOf(context.subarray(Math.max(0, context.length - ORDERS)))
    for (const symbol of written) {
      count(past, symbol)
      past = (past + String.fromCharCode(symbol)).slice(-ORDERS)
    }
  }
  const rebuild = (): void => {
    if (!isStale) return
    isStale = false
    nodes = new Map()
    for (const one of passages) take(one.context, one.symbols)
  }

  return {
    features: FEATURES,
    learn: (context, written, at) => {
      if (written.length === 0) return
      const kept = { context: context.slice(-ORDERS), symbols: written.slice(), at }
      const isLast = passages.length === 0 || passages.at(-1)!.at <= at
      passages.push(kept)
      if (isLast && !isStale) take(kept.context, kept.symbols)
      else {
        passages = passages.toSorted((a, b) => a.at - b.at)
        isStale = true
      }
    },
    forget: (context, written, at) => {
      const short = context.slice(-ORDERS)
      const place = passages.findIndex(
        (one) => one.at === at && same(one.symbols, written) && same(one.context, short),
      )
      if (place < 0) return
      passages.splice(place, 1)
      isStale = true
    },
    view: (context) => {
      rebuild()
      return viewOf(nodes, symbols, context)
    },
  }
}

const viewOf = (
  nodes: ReadonlyMap<string, Node>,
  symbols: number,
  context: ArrayLike<number>,
): MemoryView => {
  const past = keyOf(
    Array.from({ length: Math.min(ORDERS, context.length) }, (_, i) => {
      return context[context.length - Math.min(ORDERS, context.length) + i]!
    }),
  )
  const p = new Float64Array(symbols).fill(1 / symbols)
  let matched = 0
  let share = 0
  for (let order = 0; order <= past.length; order++) {
    const node = nodes.get(past.slice(past.length - order))
    if (node === undefined) break
    const shorter = ESCAPE * node.symbols.length
    const whole = node.total + shorter
    const part = shorter / whole
    for (let s = 0; s < symbols; s++) p[s]! *= part
    let most = 0
    for (let i = 0; i < node.symbols.length; i++) {
      p[node.symbols[i]!]! += node.counts[i]! / whole
      most = Math.max(most, node.counts[i]!)
    }
    matched = order
    share = most / node.total
  }
  let best = 0
  for (let s = 0; s < symbols; s++) best = Math.max(best, p[s]!)
  return {
    p: Float32Array.from(p),
    features: Float32Array.of(matched / ORDERS, share, best, matched >= 4 ? 1 : 0),
    matched,
  }
}

/** Halved counts of 1 are dropped, so contexts do not keep what was met once and long ago. */
const halve = (node: Node): void => {
  const [symbols, counts]: [number[], number[]] = [[], []]
  let total = 0
  for (let i = 0; i < node.symbols.length; i++) {
    const half = node.counts[i]! >> 1
    if (half === 0) continue
    symbols.push(node.symbols[i]!)
    counts.push(half)
    total += half
  }
  Object.assign(node, { symbols, counts, total })
}

const keyOf = (symbols: ArrayLike<number>): string => {
  let key = ''
  for (let i = 0; i < symbols.length; i++) key += String.fromCharCode(symbols[i]!)
  return key
}

const same = (a: Uint16Array, b: Uint16Array): boolean =>
  a.length === b.length && a.every((symbol, i) => symbol === b[i])
