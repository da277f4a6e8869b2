import type { Tokenizer } from '@lockstep/models'
import { FaultError } from '@lockstep/tensor'

/**
 * Text to a model's tokens and back. Every participant has one of its own: what they share is text. The token `end`
 * stands behind a prompt and behind an answer; texts never hold it.
 */
export type Coding = {
  readonly name: string
  readonly vocab: number // tokens, `end` included
  readonly end: number
  /** Tokens of printable ASCII text, without `end`. Throws a FaultError for any other text. */
  readonly encode: (text: string) => Uint32Array<ArrayBuffer>
  /** Text of tokens other than `end`; what is not printable ASCII becomes `?`, which no task asks for. */
  readonly decode: (tokens: ArrayLike<number>) => string
}

const FIRST = 32
const LAST = 126
const PRINTABLE = /^[ -~]*$/

export const isPrintable = (text: string): boolean => PRINTABLE.test(text)

const checked = (text: string): string => {
  if (isPrintable(text)) return text
  throw new FaultError({
    code: 'text-unprintable',
    field: 'text',
    value: JSON.stringify(text.slice(0, 80)),
    limit: 'printable ASCII',
    remedy: 'Share and learn only texts that a family wrote or scored.',
  })
}

/** One token a character: 95 of printable ASCII, and `end`. */
export const characterCoding: Coding = {
  name: 'character',
  vocab: LAST - FIRST + 2,
  end: LAST - FIRST + 1,
  encode: (text) => Uint32Array.from(checked(text), (c) => c.charCodeAt(0) - FIRST),
  decode: (tokens) =>
    Array.from(tokens, (t) => (t <= LAST - FIRST ? String.fromCharCode(t + FIRST) : '?')).join(''),
}

/** A tokenizer's tokens, and `end` behind them. */
export const tokenizerCoding = (name: string, tokenizer: Tokenizer): Coding => ({
  name,
  vocab: tokenizer.vocabSize + 1,
  end: tokenizer.vocabSize,
  encode: (text) => tokenizer.encode(new TextEncoder().encode(checked(text))),
  decode: (tokens) =>
    Array.from(tokenizer.decode(tokens), (b) =>
      b >= FIRST && b <= LAST ? String.fromCharCode(b) : '?',
    ).join(''),
})
