import { z } from 'zod'
import { REDACTED } from '../environment/text.ts'
import { type Episode, type EpisodeEvent, type Seen, withId } from './episode.ts'

/** What is redacted: a name, and a regular expression over the text as it was written (flags `giu`). */
export type RedactionRule = { readonly name: string; readonly pattern: string }

export const REDACTION_LIMITS = { name: 64, pattern: 500 } as const

export const redactionRule: z.ZodType<RedactionRule> = z.strictObject({
  name: z.string().min(1).max(REDACTION_LIMITS.name),
  pattern: z
    .string()
    .min(1)
    .max(REDACTION_LIMITS.pattern)
    .refine(
      (pattern) => {
        try {
          new RegExp(pattern, 'giu')
          return true
        } catch {
          return false
        }
      },
      { error: 'a regular expression, as with the flags giu' },
    ),
})

type Rule = { readonly name: string; readonly pattern: RegExp; readonly holds?: (match: string) => boolean }

/** The check digit of card numbers (ISO/IEC 7812-1, by Luhn). */
const luhn = (match: string): boolean => {
  const digits = [...match].filter((c) => c >= '0' && c <= '9').map(Number)
  const sum = digits
    .reverse()
    .reduce((total, d, i) => total + (i % 2 === 0 ? d : d > 4 ? 2 * d - 9 : 2 * d), 0)
  return digits.length >= 13 && digits.length <= 19 && sum % 10 === 0
}

/** Letters of both cases and digits: what words are not. */
const isMixed = (match: string): boolean => /[a-z]/.test(match) && /[A-Z]/.test(match) && /\d/.test(match)

/** What is always redacted. Lengths are bounded so that no text takes long. */
const RULES: readonly Rule[] = [
  { name: 'mail', pattern: /[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,6}/gu },
  { name: 'credentials', pattern: /\b[a-z][a-z0-9+.-]{1,15}:\/\/[^\s/@:]{0,64}:[^\s/@]{1,128}@\S{0,256}/giu },
  { name: 'card', pattern: /(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)/gu, holds: luhn },
  { name: 'account', pattern: /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b/gu },
  {
    name: 'secret',
    pattern:
      /\b[\w-]{0,32}(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|authorization)["']?\s{0,4}[:=]\s{0,4}(?:"[^"\n]{1,200}"|'[^'\n]{1,200}'|\S{1,200}(?: [A-Za-z0-9._~+/=-]{16,200})?)/giu,
  },
  { name: 'option', pattern: /(?<=\s)--?(?:password|passwd|pass|token|secret|api-?key)[= ]\S{1,200}/giu },
  { name: 'bearer', pattern: /\bbearer\s{1,4}[A-Za-z0-9._~+/=-]{8,400}/giu },
  {
    name: 'key',
    pattern:
      /\b(?:sk|pk|rk|ghp|gho|ghs|ghu|github_pat|glpat|xox[abp]|npm|AKIA|ASIA)[-_]?[A-Za-z0-9_-]{12,200}/gu,
    holds: (match) => /\d/.test(match),
  },
  {
    name: 'web token',
    pattern: /\beyJ[A-Za-z0-9_-]{8,400}\.[A-Za-z0-9_-]{4,800}(?:\.[A-Za-z0-9_-]{0,400})?/gu,
  },
  { name: 'private key', pattern: /-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[A-Za-z0-9+/=\s]{0,8000}/gu },
  { name: 'hexadecimal', pattern: /\b(?:0x)?[0-9a-f]{32,256}\b/giu, holds: (match) => /\d/.test(match) },
  { name: 'random', pattern: /[A-Za-z0-9+/_=-]{32,400}/gu, holds: isMixed },
  { name: 'phone', pattern: /(?<![\d.])\+\d(?:[ ()./-]{0,2}\d){6,14}(?!\d)/gu },
  { name: 'phone', pattern: /(?<![\d.])\(\d{2,5}\) ?\d{2,4}(?:[ ./-]?\d{2,4}){1,3}(?!\d)/gu },
  { name: 'phone', pattern: /(?<![\d.])\d{3}[-. ]\d{3}[-. ]\d{4}(?!\d)/gu },
  { name: 'phone', pattern: /(?<![\d.])0\d{1,4}[ /-]\d{3,}(?:[ -]?\d{1,4}){0,4}(?!\d)/gu },
]

/** A symbol as it was written once. What takes it out again and what is written later see the same one. */
type Cell = {
  readonly symbol: number
  /** What was before it when it was written. */
  readonly before: Cell | undefined
  /** `mark`: something was redacted from here on. `gone`: it is a part of that. */
  hidden: 'mark' | 'gone' | undefined
  takenBack: boolean
}

/** Symbols that are looked at again when some are taken back, or offered. */
const NEAR = 640
/** Contexts of so many symbols may begin in the middle of something. */
const CUT = 100

/**
 * An episode without what is nobody else's business: addresses of mail, web addresses with credentials, card and account
 * numbers, passwords and tokens beside their names, keys, long random words, telephone numbers, and what the rules of
 * one's own say. Each is replaced by the one symbol `REDACTED`, wherever it was typed, taken back, seen or offered. The
 * day stays of when it began. Episodes whose symbols are no text have nothing that could be read; they stay as they are.
 */
export const redact = (episode: Episode, rules: readonly RedactionRule[] = []): Episode => {
  const began = episode.began - (episode.began % 86_400_000)
  if (!episode.bytes) return withId({ ...episode, began, redacted: true })
  const all = [...RULES, ...rules.map(({ name, pattern }) => ({ name, pattern: new RegExp(pattern, 'giu') }))]
  const scan = (cells: readonly Cell[]): void => hide(cells, all)

  type Kept = {
    readonly event: EpisodeEvent
    cells: Cell[]
    context: Cell[] | undefined
    back: Cell[]
    beyond: number
    before: Cell | undefined
  }
  const kept: Kept[] = []
  let stream: Cell[] = []
  const written = (symbols: Uint16Array): Cell[] => {
    let before = stream.at(-1)
    return [...symbols].map((symbol) => {
      before = { symbol, before, hidden: undefined, takenBack: false }
      return before
    })
  }
  for (const event of episode.events) {
    const one: Kept = { event, cells: [], context: undefined, back: [], beyond: 0, before: undefined }
    kept.push(one)
    if (event.kind === 'signal') continue
    if (event.context) {
      scan(stream)
      stream = []
      stream = written(event.context)
      if (stream.length >= CUT) hideBeginning(stream)
      one.context = [...stream]
    }
    if (event.back !== undefined) {
      scan(stream.slice(-NEAR))
      one.back = stream.splice(Math.max(0, stream.length - event.back))
      one.beyond = event.back - one.back.length
      for (const cell of one.back) cell.takenBack = true
    }
    one.before = stream.at(-1)
    one.cells = written(event.symbols)
    if (event.kind === 'acted') stream.push(...one.cells)
    else scan([...stream.slice(-NEAR), ...one.cells])
  }
  scan(stream)

  const shown = (cells: readonly Cell[]): Uint16Array =>
    Uint16Array.from(
      cells.flatMap(({ symbol, hidden }) =>
        hidden === undefined ? [symbol] : hidden === 'mark' ? [REDACTED] : [],
      ),
    )
  const events = kept.flatMap((one): EpisodeEvent[] => {
    const { event, cells, context, back, beyond, before } = one
    if (event.kind === 'signal') return [event]
    // What was taken back from the middle of a secret, or offered there, may be another part of it.
    for (const cell of cells)
      if (cell.takenBack && cell.before?.hidden && cell.hidden === undefined) cell.hidden = 'gone'
    if (event.kind === 'offered' && before?.hidden) for (const cell of cells) cell.hidden = 'gone'
    const symbols = shown(cells)
    const backNow = shown(back).length + beyond
    const seen: Seen = { ...(context && { context: shown(context) }), ...(backNow > 0 && { back: backNow }) }
    const isEmpty = symbols.length === 0 && cells.length > 0
    if (event.kind === 'acted' && isEmpty && event.taken === undefined && !seen.context && !seen.back)
      return []
    const { context: _, back: __, ...rest } = event
    return [{ ...rest, symbols, ...seen }]
  })
  return withId({ ...episode, began, redacted: true, events })
}

/** Marks what the rules find in cells that follow each other. */
const hide = (cells: readonly Cell[], rules: readonly Rule[]): void => {
  const { text, starts } = textOfCells(cells)
  for (const { pattern, holds } of rules)
    for (const match of text.matchAll(pattern)) {
      if (match[0] === '' || (holds && !holds(match[0]))) continue
      const [from, to] = [starts[match.index]!, starts[match.index + match[0].length]!]
      cells[from]!.hidden ??= 'mark'
      for (let i = from + 1; i < to; i++) cells[i]!.hidden = 'gone'
    }
}

/** What a long context begins with may be the end of something: its first word, and numbers right after. */
const hideBeginning = (cells: readonly Cell[]): void => {
  const { text, starts } = textOfCells(cells)
  const length = /^\S*[\d\s()+-]*/u.exec(text)![0].length
  for (let i = 0; i < starts[length]!; i++) cells[i]!.hidden = i === 0 ? 'mark' : 'gone'
}

/** Cells as text, and for each of its UTF-16 units the cell that it begins in. What is no UTF-8 is a character of its own. */
const textOfCells = (
  cells: readonly Cell[],
): { readonly text: string; readonly starts: readonly number[] } => {
  let text = ''
  const starts: number[] = []
  for (let i = 0; i < cells.length; ) {
    const [character, length] = characterAt(cells, i)
    for (let unit = 0; unit < character.length; unit++) starts.push(i)
    text += character
    i += length
  }
  starts.push(cells.length)
  return { text, starts }
}

/** The character that begins here, and how many symbols it has. */
const characterAt = (cells: readonly Cell[], at: number): readonly [string, number] => {
  const first = cells[at]!.symbol
  if (first < 0x80) return [String.fromCharCode(first), 1]
  const length =
    first >= 0xf0 && first < 0xf8
      ? 4
      : first >= 0xe0 && first < 0xf0
        ? 3
        : first >= 0xc0 && first < 0xe0
          ? 2
          : 1
  let code = first & (0x7f >> length)
  for (let i = 1; i < length; i++) {
    const symbol = cells[at + i]?.symbol ?? 0
    if ((symbol & ~0x3f) !== 0x80) return ['\uffff', 1]
    code = (code << 6) | (symbol & 0x3f)
  }
  return length > 1 && code <= 0x10ffff ? [String.fromCodePoint(code), length] : ['\uffff', 1]
}
