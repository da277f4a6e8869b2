import type { Environment } from './environment.ts'

/** A text with a caret in it, as its writer sees it. */
export type TextState = {
  readonly before: string
  readonly after: string
  readonly kind: TextKind
}
export type TextKind = 'prose' | 'code'

/** One action is one input: a key, a paste, or taking away characters before the caret. */
export type TextAction = { readonly typed: string } | { readonly deleted: number }

/** Symbols of text: the bytes of UTF-8, then these. The others below `TEXT_SYMBOLS` are for later. */
export const TEXT_SYMBOLS = 272
export const PROSE = 256
export const CODE = 257
/** Ends a document. */
export const DOCUMENT_END = 258
/** Stands where something was redacted. */
export const REDACTED = 259

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** No fewer characters than `length` symbols stand for, so that long texts are not encoded whole: one more, as the first may be half a pair. */
const tail = (text: string, length: number): string => text.slice(Math.max(0, text.length - length - 1))

/** The symbols of a text without marks of where it begins. */
export const textSymbols = (text: string): Uint16Array => Uint16Array.from(encoder.encode(text))

/** The text that symbols stand for; undefined if they are no whole characters, or specials are among them. */
export const textOf = (symbols: Uint16Array): string | undefined => {
  if (symbols.some((symbol) => symbol > 255)) return undefined
  try {
    return decoder.decode(Uint8Array.from(symbols))
  } catch {
    return undefined
  }
}

const WORD = /[\p{L}\p{N}_]/u

export type TextOptions = {
  /** Most symbols of an offer; 48 if absent, at most 256. */
  readonly most?: number
  /** Keys that taking an offer costs; 1 if absent. */
  readonly accepting?: number
}

/**
 * Writing in a text, prose or code. The context is what stands before the caret, after a symbol for the kind of text
 * where its beginning is still in sight. An offer ends with a word or a line, and only where what follows the caret does
 * not go on with the word. A save is a character that need not be typed.
 */
export const textEnvironment = ({
  most = 48,
  accepting = 1,
}: TextOptions = {}): Environment<TextState, TextAction> => ({
  name: 'text',
  symbols: TEXT_SYMBOLS,
  bytes: true,
  context: ({ before, kind }, length) => {
    const bytes = encoder.encode(tail(before, length))
    if (before.length > length || bytes.length >= length)
      return Uint16Array.from(bytes.subarray(Math.max(0, bytes.length - length)))
    const symbols = new Uint16Array(bytes.length + 1)
    symbols[0] = kind === 'code' ? CODE : PROSE
    symbols.set(bytes, 1)
    return symbols
  },
  symbolsOf: (action) => ('typed' in action ? textSymbols(action.typed) : new Uint16Array(0)),
  actionOf: (symbols, { after }) => {
    const typed = textOf(symbols)
    if (typed === undefined || typed === '') return undefined
    const goesOn = WORD.test(after.slice(0, 1)) && WORD.test(typed.slice(-1))
    return goesOn ? undefined : { typed }
  },
  offers: { ends: (symbols, _, next) => endsOffer(symbols, next), most },
  saved: (symbols) => Math.max(0, [...(textOf(symbols) ?? '')].length - accepting),
})

/** After a mark or a space, and after a word where the likeliest next symbol is none of a word. */
const endsOffer = (symbols: Uint16Array, next: number | undefined): boolean => {
  const text = textOf(symbols)
  if (text === undefined || text.trim() === '') return false
  if (!WORD.test(text.slice(-1))) return true
  return next !== undefined && (next > 255 || (next < 128 && !WORD.test(String.fromCharCode(next))))
}
