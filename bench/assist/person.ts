import { chanceOf } from './chance.ts'

/** What is typed: prose or code. */
export type Kind = 'prose' | 'code'

/** How somebody types and what they make of offers. All of it is drawn from a seed: docs/replay-study.md gives the ranges. */
export type Person = {
  readonly seed: number
  /** Milliseconds from key to key inside a word. */
  readonly pace: number
  /** Part of the keys that are wrong ones, and how many keys later this is noticed, at most. */
  readonly slips: number
  readonly notice: number
  /** Part of the offers that are looked at in a long pause; in a short one it is less. */
  readonly attention: number
  /** Part of the offers with a right beginning that are taken and mended, where that spares four keys or more. */
  readonly mends: number
  /** Part of the wrong offers with a right beginning that are taken all the same, and undone. */
  readonly careless: number
  /** Part of the wrong offers looked at that are sent away with a key rather than typed over. */
  readonly dismisses: number
  /** Own ways of writing words, and phrases this person likes to begin with. Prose only. */
  readonly spellings: readonly (readonly [usual: string, own: string])[]
  readonly openings: readonly string[]
}

const SPELLINGS = [
  ['and', '&'],
  ['through', 'thru'],
  ['although', 'altho'],
  ['because', 'bcs'],
  ['without', 'w/o'],
  ['with', 'w/'],
  ['government', 'govt'],
  ['necessary', 'nec.'],
  ['labor', 'labour'],
  ['program', 'programme'],
  ['toward', 'towards'],
  ['between', 'btw.'],
] as const

const OPENINGS = [
  'As I have said before, ',
  'Let us be plain: ',
  'It is my belief that ',
  'In all fairness, ',
  'To put it another way, ',
  'I need hardly add that ',
  'When all is said and done, ',
  'Now, ',
] as const

/** The person of a seed. */
export const personOf = (seed: number): Person => {
  const chance = chanceOf(seed)
  const between = (what: number, low: number, high: number): number => low + chance(0, what) * (high - low)
  const some = <T>(of: readonly T[], count: number, what: number): T[] => {
    const left = [...of]
    return Array.from(
      { length: count },
      (_, i) => left.splice(Math.floor(chance(i, what) * left.length), 1)[0]!,
    )
  }
  return {
    seed,
    pace: between(1, 90, 220),
    slips: between(2, 0.005, 0.03),
    notice: Math.floor(between(3, 1, 6)),
    attention: between(4, 0.4, 0.95),
    mends: between(5, 0, 0.6),
    careless: between(6, 0, 0.03),
    dismisses: between(7, 0, 0.2),
    spellings: some(SPELLINGS, 2, 8),
    openings: some(OPENINGS, 2, 9),
  }
}

/** Part of the sentences that begin with one of the person's own phrases. */
const OPENED = 0.03

/** The text as this person would have written it: prose in their own spellings, some sentences with a phrase before them. */
export const inOwnWords = (text: string, person: Person): string => {
  const chance = chanceOf(person.seed)
  let own = text
  for (const [usual, to] of person.spellings)
    own = own.replace(new RegExp(`(?<![\\w'’])${usual}(?![\\w'’])`, 'g'), to)
  return own.replace(/(?<=[.?!]['"”’]?\s+)[A-Z](?=[a-z])/g, (letter, at: number) => {
    if (chance(at, 10) >= OPENED) return letter
    const opening = person.openings[Math.floor(chance(at, 11) * person.openings.length)]!
    return opening.endsWith(' ') && letter === 'I' ? opening + letter : opening + letter.toLowerCase()
  })
}
