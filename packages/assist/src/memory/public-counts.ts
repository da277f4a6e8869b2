import { AssistError } from '../assist-error.ts'
import { LONGEST_KEY, MARK, ORDERS, type PublicNode, pastKeys, wordKeys } from './contexts.ts'

/** Symbols that stand before a place, as many as its contexts are made of. */
const LONGEST_PAST = 64

/** Counts of what followed contexts in texts that everybody may know; never changed, so that many memories may stand on them. */
export type PublicCounts = { readonly nodes: ReadonlyMap<string, PublicNode> }

/**
 * Counts texts, each from its beginning, as an n-gram memory does, but with nothing fading. Contexts met fewer than `least`
 * times are left out, and of the others what followed once, unless nothing else did.
 */
export const publicCounts = (texts: readonly Uint16Array[], least = 1): PublicCounts => {
  const all = new Map<string, Map<number, number>>()
  const tell = (keys: readonly string[], symbol: number): void => {
    let isTold = false
    for (const key of keys.toReversed()) {
      const followed = all.get(key) ?? new Map<number, number>()
      if (followed.size === 0) all.set(key, followed)
      const known = followed.get(symbol)
      followed.set(symbol, (known ?? 0) + 1)
      if (isTold) break
      isTold = known !== undefined
    }
  }
  for (const text of texts)
    for (const [at, symbol] of text.entries()) {
      const past = text.subarray(Math.max(0, at - LONGEST_PAST), at)
      tell(pastKeys(past), symbol)
      tell(wordKeys(past), symbol)
    }
  const nodes = new Map<string, PublicNode>()
  for (const [key, followed] of all) {
    const met = [...followed.values()].reduce((sum, count) => sum + count, 0)
    if (met < least) continue
    const often = [...followed].filter(([, count]) => count > 1)
    const kept = (least > 1 && often.length > 0 ? often : [...followed]).sort(([a], [b]) => a - b)
    nodes.set(key, nodeOf(kept, followed.size - kept.length))
  }
  return { nodes }
}

const nodeOf = (pairs: readonly (readonly [number, number])[], rare: number): PublicNode => ({
  symbols: pairs.map(([symbol]) => symbol),
  counts: pairs.map(([, count]) => count),
  total: pairs.reduce((sum, [, count]) => sum + count, 0),
  rare,
})

/**
 * The counts as bytes. Contexts stand in the order of their symbols; each is how many symbols it shares with the one
 * before it, how many follow, those symbols plus 1 (0 for a mark of words), how many symbols were counted and how many were rare, and for each
 * counted the symbol less the one before it and its count. Numbers are little-endian base 128.
 */
export const encodePublicCounts = ({ nodes }: PublicCounts): Uint8Array<ArrayBuffer> => {
  const bytes: number[] = []
  const write = (value: number): void => {
    let left = value
    for (; left > 127; left >>>= 7) bytes.push(128 | (left & 127))
    bytes.push(left)
  }
  let before = ''
  for (const key of [...nodes.keys()].sort()) {
    const { symbols, counts, rare } = nodes.get(key)!
    let shared = 0
    while (shared < key.length && key[shared] === before[shared]) shared++
    write(shared)
    write(key.length - shared)
    for (let i = shared; i < key.length; i++) write(key[i] === MARK ? 0 : key.charCodeAt(i) + 1)
    write(symbols.length)
    write(rare)
    let last = 0
    for (const [i, symbol] of symbols.entries()) {
      write(symbol - last)
      write(counts[i]!)
      last = symbol
    }
    before = key
  }
  return Uint8Array.from(bytes)
}

/** Reads what `encodePublicCounts` writes, of symbols below `symbols`. Anything else throws AssistError `counts-malformed`. */
export const decodePublicCounts = (bytes: Uint8Array, symbols: number): PublicCounts => {
  let at = 0
  const read = (field: string, least: number, most: number): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]
      if (byte === undefined || shift > 21) throw malformed(field, 'cut off', 'a number of at most 4 bytes')
      value += (byte & 127) << shift
      if (byte < 128) break
    }
    if (value < least || value > most) throw malformed(field, value, `${least} to ${most}`)
    return value
  }
  const nodes = new Map<string, PublicNode>()
  let before = ''
  while (at < bytes.length) {
    const shared = read('context', 0, before.length)
    const more = read('context', 0, LONGEST_KEY - shared)
    let key = before.slice(0, shared)
    for (let i = 0; i < more; i++) {
      const symbol = read('context', 0, symbols)
      key += symbol === 0 ? MARK : String.fromCharCode(symbol - 1)
    }
    if (!key.startsWith(MARK) && key.length > ORDERS)
      throw malformed('context', key.length, `at most ${ORDERS} symbols`)
    if (nodes.size > 0 && key <= before) throw malformed('context', nodes.size, 'contexts in order')
    const pairs: [number, number][] = []
    const count = read('followers', 1, symbols)
    const rare = read('rare', 0, symbols - count)
    for (let i = 0, last = 0; i < count; i++) {
      last += read('symbol', i === 0 ? 0 : 1, symbols - 1 - last)
      pairs.push([last, read('count', 1, 2 ** 24)])
    }
    nodes.set(key, nodeOf(pairs, rare))
    before = key
  }
  return { nodes }
}

const malformed = (field: string, value: string | number, limit: string): AssistError =>
  new AssistError('counts-malformed', field, value, limit, 'Make the file again: npm run assist:base.')
