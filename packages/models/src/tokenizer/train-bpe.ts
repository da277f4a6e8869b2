import { ModelError } from '../model-error.ts'
import { bpeTokenizer, MAX_VOCAB, type Merge } from './bpe.ts'
import { pieces } from './pieces.ts'
import type { Tokenizer } from './tokenizer.ts'

const BYTES = 256

/** A distinct piece of the text: its ids so far and how often it occurs. */
type Word = { ids: number[]; readonly times: number }
/** A pair of ids: how often it occurs, and the words it was seen in (it may have left some of them since). */
type Pair = { readonly left: number; readonly right: number; count: number; readonly words: Set<Word> }

/**
 * Learns merges from a text: each step merges the pair that occurs most often, of equals the one with the smaller
 * left id, then the smaller right id, so that one text gives one vocabulary. Ends early when no pair occurs twice.
 */
export const trainBpe = (text: Uint8Array<ArrayBufferLike>, vocabSize: number): Tokenizer => {
  if (!Number.isInteger(vocabSize) || vocabSize < BYTES || vocabSize > MAX_VOCAB) {
    throw new ModelError(
      'tokenizer-invalid',
      'vocabSize',
      vocabSize,
      `${BYTES} to ${MAX_VOCAB}`,
      'Choose another.',
    )
  }
  const pairs = new Map<number, Pair>()
  const change = (left: number, right: number, word: Word, by: number): void => {
    const key = left * MAX_VOCAB + right
    const pair = pairs.get(key) ?? { left, right, count: 0, words: new Set() }
    pairs.set(key, pair)
    pair.count += by
    if (by > 0) pair.words.add(word)
    if (pair.count === 0) pairs.delete(key)
  }
  const changeAll = (word: Word, by: number): void => {
    for (let i = 0; i + 1 < word.ids.length; i++) change(word.ids[i]!, word.ids[i + 1]!, word, by)
  }
  for (const word of wordsOf(text)) changeAll(word, word.times)

  const merges: Merge[] = []
  while (BYTES + merges.length < vocabSize) {
    const best = mostFrequent(pairs.values())
    if (!best || best.count < 2) break
    const made = BYTES + merges.length
    merges.push([best.left, best.right])
    for (const word of best.words) {
      changeAll(word, -word.times)
      word.ids = replacePair(word.ids, best.left, best.right, made)
      changeAll(word, word.times)
    }
  }
  return bpeTokenizer(merges)
}

const wordsOf = (text: Uint8Array<ArrayBufferLike>): Iterable<Word> => {
  const times = new Map<string, number>()
  for (const [from, to] of pieces(text)) {
    const key = String.fromCharCode(...text.subarray(from, to)) // one character a byte
    times.set(key, (times.get(key) ?? 0) + 1)
  }
  return Array.from(times, ([key, n]) => ({ ids: Array.from(key, (c) => c.charCodeAt(0)), times: n }))
}

const mostFrequent = (pairs: Iterable<Pair>): Pair | undefined => {
  let best: Pair | undefined
  for (const pair of pairs) {
    if (
      !best ||
      pair.count > best.count ||
      (pair.count === best.count &&
        (pair.left < best.left || (pair.left === best.left && pair.right < best.right)))
    ) {
      best = pair
    }
  }
  return best
}

/** Replaces every (left, right) from left to right. */
const replacePair = (ids: readonly number[], left: number, right: number, made: number): number[] => {
  const out: number[] = []
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === left && ids[i + 1] === right) {
      out.push(made)
      i++
    } else {
      out.push(ids[i]!)
    }
  }
  return out
}
