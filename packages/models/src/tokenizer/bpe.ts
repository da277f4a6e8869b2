import { ModelError } from '../model-error.ts'
import { pieces } from './pieces.ts'
import type { Tokenizer } from './tokenizer.ts'

/** A merge makes one new id of two earlier ones: merge i makes id 256 + i. */
export type Merge = readonly [left: number, right: number]

/** Ids that a vocabulary may have: a pair of ids fits 32 bits. */
export const MAX_VOCAB = 65536
/** Bytes that one token may stand for. It bounds what decoding a stranger's ids allocates. */
export const MAX_TOKEN_BYTES = 64

const BYTES = 256
const pairKey = (left: number, right: number): number => left * MAX_VOCAB + right

/** A byte-level BPE tokenizer from its merges. Ids 0 to 255 are the bytes. */
export const bpeTokenizer = (merges: readonly Merge[]): Tokenizer => {
  if (merges.length > MAX_VOCAB - BYTES) {
    throw malformed(
      'merges',
      merges.length,
      `at most ${MAX_VOCAB - BYTES}`,
      'Train with a smaller vocabulary.',
    )
  }
  const text: Uint8Array[] = Array.from({ length: BYTES }, (_, byte) => Uint8Array.of(byte)) // id -> bytes
  const ranks = new Map<number, number>() // pair -> the id it becomes
  for (const [left, right] of merges) {
    const a = text[left]
    const b = text[right]
    if (!a || !b) throw malformed('merge', `${left},${right}`, `ids below ${text.length}`, 'Train it anew.')
    if (a.length + b.length > MAX_TOKEN_BYTES) {
      throw malformed('token', `${a.length + b.length} bytes`, `${MAX_TOKEN_BYTES} bytes`, 'Train it anew.')
    }
    if (ranks.has(pairKey(left, right)))
      throw malformed('merge', `${left},${right}`, 'each once', 'Train it anew.')
    ranks.set(pairKey(left, right), text.length)
    text.push(Uint8Array.of(...a, ...b))
  }

  const encode = (bytes: Uint8Array<ArrayBufferLike>): Uint32Array<ArrayBuffer> => {
    const ids = new Uint32Array(bytes.length) // at most one id a byte
    let count = 0
    for (const [from, to] of pieces(bytes)) {
      for (const id of mergePiece(Array.from(bytes.subarray(from, to)), ranks)) ids[count++] = id
    }
    return ids.slice(0, count)
  }

  const decode = (ids: ArrayLike<number>): Uint8Array<ArrayBuffer> => {
    let length = 0
    for (let i = 0; i < ids.length; i++) {
      const token = text[ids[i]!]
      if (!token) {
        const limit = `0 to ${text.length - 1}`
        throw new ModelError('tokenizer-invalid', 'id', ids[i], limit, 'Use the tokenizer that made the ids.')
      }
      length += token.length
    }
    const bytes = new Uint8Array(length)
    let at = 0
    for (let i = 0; i < ids.length; i++) {
      bytes.set(text[ids[i]!]!, at)
      at += text[ids[i]!]!.length
    }
    return bytes
  }

  const save = (): string => `{"kind":"bpe","version":1,"merges":${JSON.stringify(merges)}}`
  return { vocabSize: text.length, encode, decode, save }
}

/** Applies the earliest merge that fits, leftmost first, until none fits. A piece has at most 64 ids. */
const mergePiece = (ids: number[], ranks: ReadonlyMap<number, number>): readonly number[] => {
  for (;;) {
    let best = Number.POSITIVE_INFINITY
    let at = -1
    for (let i = 0; i + 1 < ids.length; i++) {
      const id = ranks.get(pairKey(ids[i]!, ids[i + 1]!))
      if (id !== undefined && id < best) {
        best = id
        at = i
      }
    }
    if (at < 0) return ids
    ids.splice(at, 2, best)
  }
}

const malformed = (field: string, value: unknown, limit: string, remedy: string): ModelError =>
  new ModelError('tokenizer-malformed', field, value, limit, remedy)
