/** Most symbols of a context that is looked up. */
export const ORDERS = 6
/** What a symbol's count rises by when it is met. */
const STEP = 64
/** Each time a context is met its older counts lose a part of 2^-FADE: what was met lately weighs more. */
const FADE = 6
/** Weight of the shorter contexts beside a context's counts, by order: so much for each different symbol that it has met. */
const ESCAPE: readonly number[] = [1, 2, 2.5, 3, 3, 3, 3]

/** Counts of what followed one context. Contexts have few different followers, so a pair of small arrays is enough. */
export type ContextNode = { readonly symbols: number[]; readonly counts: number[]; total: number }
/** `rare` different symbols that followed once are not listed: the shorter contexts answer for them. */
export type PublicNode = ContextNode & { readonly rare: number }
export type Contexts = Map<string, ContextNode>
/** What stood at a context before it was told of something. */
export type Undo = { readonly key: string; readonly was: ContextNode | undefined }

/** The keys of a place's contexts of symbols, shortest first. */
export const pastKeys = (past: ArrayLike<number>): string[] => {
  let key = ''
  const keys = ['']
  for (let i = past.length - 1; i >= Math.max(0, past.length - ORDERS); i--) {
    key = String.fromCharCode(past[i]!) + key
    keys.push(key)
  }
  return keys
}

/** No symbol: keys of words begin with it, so that they are none of symbols. */
export const MARK = '\uffff'
/** Symbols of a word that are looked at, the last ones; and of what stands between two words. */
const [WORD, GAP] = [12, 2]
/** Longest key there is. */
export const LONGEST_KEY: number = 3 + 2 * WORD + GAP
const isOfWord = (symbol: number): boolean =>
  (symbol >= 97 && symbol <= 122) ||
  (symbol >= 65 && symbol <= 90) ||
  (symbol >= 48 && symbol <= 57) ||
  (symbol >= 128 && symbol < 256) ||
  symbol === 95 ||
  symbol === 36 ||
  symbol === 39

/**
 * The keys of a place's contexts of words, shortest first: the beginning of the word that stands there, the same with the two
 * symbols before that word, and the same with the word before it.
 */
export const wordKeys = (past: ArrayLike<number>): string[] => {
  const wordBefore = (end: number): number => {
    let at = end
    while (at > Math.max(0, end - WORD) && isOfWord(past[at - 1]!)) at--
    return at
  }
  const spell = (from: number, to: number): string => {
    let text = ''
    for (let i = from; i < to; i++) text += String.fromCharCode(past[i]!)
    return text
  }
  const begun = wordBefore(past.length)
  let gap = begun
  while (gap > Math.max(0, begun - 8) && !isOfWord(past[gap - 1]!)) gap--
  const here = spell(begun, past.length)
  const between = `${spell(Math.max(gap, begun - GAP), begun)}${MARK}${here}`
  const before = spell(wordBefore(gap), gap)
  return [`${MARK}${here}`, `${MARK}${between}`, `${MARK}${before}${MARK}${between}`]
}

/** Tells the contexts of a place what followed, from the longest to the one behind the first that knew it already; or all of them. */
export const tell = (
  contexts: Contexts,
  keys: readonly string[],
  symbol: number,
  undo: Undo[],
  all = false,
): void => {
  let isTold = false
  for (let order = keys.length - 1; order >= 0; order--) {
    const key = keys[order]!
    const was = contexts.get(key)
    const node: ContextNode = { symbols: was ? [...was.symbols] : [], counts: [], total: 0 }
    let isKnown = false
    for (let i = 0; i < node.symbols.length; i++) {
      const old = was!.counts[i]!
      let count = old - (old >> FADE)
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
    contexts.set(key, node)
    undo.push({ key, was })
    if (isTold && !all) return
    isTold = isKnown
  }
}

/** Puts back what stood there. */
export const takeBack = (contexts: Contexts, undo: Undo[]): void => {
  for (const { key, was } of undo.reverse())
    if (was === undefined) contexts.delete(key)
    else contexts.set(key, was)
}

/**
 * Adds to `p` what contexts say of the next symbol, from the longest down: p = (count + e p') / (total + e), where e is ESCAPE
 * for each different symbol met there and p' what the next shorter one says, as in interpolated Witten-Bell smoothing
 * (Witten and Bell, 1991).
 * @param step What one meeting counts in these contexts
 * @returns what is left to whatever lies beneath, and the longest context that was met (-1 for none)
 */
export const blend = (
  contexts: ReadonlyMap<string, ContextNode & { readonly rare?: number }>,
  keys: readonly string[],
  p: Float64Array,
  step: number = STEP,
): { readonly left: number; readonly matched: number } => {
  let [left, matched] = [1, -1]
  for (let order = keys.length - 1; order >= 0; order--) {
    const node = contexts.get(keys[order]!)
    if (node === undefined) continue
    if (matched < 0) matched = order
    const { symbols, counts, total, rare = 0 } = node
    const shorter = step * (ESCAPE[order]! * (symbols.length + rare) + rare)
    const each = left / (total + shorter)
    for (let i = 0; i < symbols.length; i++) p[symbols[i]!]! += counts[i]! * each
    left = shorter * each
  }
  return { left, matched }
}
