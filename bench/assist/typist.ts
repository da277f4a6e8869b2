import { type Chance, chanceOf } from './chance.ts'
import type { Person } from './person.ts'

/** What a typist does next. Each is one action of theirs. A key types one character, Enter the indentation too. */
export type Act =
  | { readonly kind: 'type'; readonly text: string }
  | { readonly kind: 'delete' }
  | { readonly kind: 'accept' }
  | { readonly kind: 'dismiss' }
  | { readonly kind: 'undo' }

/** Somebody who types one text from its beginning to its end. */
export type Typist = {
  /** Characters of the text that stand right on the screen, which is how far this typist is. */
  readonly at: number
  /** All that stands on the screen, wrong characters included. */
  readonly screen: string
  readonly done: boolean
  /** An offer was taken by mistake and is undone with the next action. */
  readonly undoing: boolean
  /** Milliseconds until the next key if no offer is read; the same until `act` is called. */
  pause(): number
  /** The next action, with this offer on the screen. `read` is the time that was spent on reading it. */
  act(offer?: string): { readonly act: Act; readonly read: number }
}

/** What chance decides; the numbers keep the decisions apart. */
const DRAW = { pause: 20, long: 21, slip: 22, letter: 23, notice: 24, look: 25, take: 26, send: 27 } as const
const LETTERS = 'etaoinshrdlucmfwypvbgkjqxz'

/**
 * A typist of one text. Slips and pauses depend on the person and on where in the text they are, not on what is offered.
 * What an offer is worth to them, in this order:
 *
 * - looked at, or not: `attention`, less in short pauses; never while a wrong character stands on the screen;
 * - all of it is what they mean to type, and spares a key: taken;
 * - its beginning is, and taking it and deleting the rest spares four keys or more: taken by `mends` of them, then mended;
 * - otherwise it is wrong: `careless` of those with a right first character are taken and undone at once, `dismisses` of
 *   the rest are sent away, and all others are typed over.
 */
export const typistOf = (text: string, person: Person): Typist => {
  const chance = chanceOf(person.seed)
  let at = 0
  let wrong = '' // what stands on the screen and does not belong there
  let left = 0 // keys until a slip is noticed
  let mending = false
  let undoing = false
  let slipped = -1 // the last place of a slip: nobody slips twice at one
  let time = 0 // how manieth action at this place
  const move = (by: number): void => {
    at += by
    time = 0
  }
  const plain = (): Act => {
    if (undoing) {
      undoing = false
      wrong = ''
      return { kind: 'undo' }
    }
    if (mending) {
      wrong = wrong.slice(0, -1)
      mending = wrong !== ''
      return { kind: 'delete' }
    }
    if (wrong !== '') {
      const next = text[at + wrong.length]
      if (left > 0 && next !== undefined && next !== '\n') {
        left--
        wrong += next
        return { kind: 'type', text: next }
      }
      wrong = wrong.slice(0, -1)
      mending = wrong !== ''
      return { kind: 'delete' }
    }
    if (slipped !== at && /[a-z]/.test(text[at]!) && chance(at, DRAW.slip) < person.slips) {
      slipped = at
      left = Math.floor(chance(at, DRAW.notice) * person.notice)
      const letter = LETTERS[Math.floor(chance(at, DRAW.letter) * LETTERS.length)]!
      wrong = letter === text[at] ? (letter === 'e' ? 'r' : 'e') : letter
      return { kind: 'type', text: wrong }
    }
    const typed = keyAt(text, at)
    move(typed.length)
    return { kind: 'type', text: typed }
  }
  return {
    get at() {
      return at
    },
    get screen() {
      return text.slice(0, at) + wrong
    },
    get done() {
      return at >= text.length && wrong === ''
    },
    get undoing() {
      return undoing
    },
    pause: () =>
      undoing || wrong !== '' ? Math.round(person.pace) : pauseAt(text, at, time, person, chance),
    act(offer) {
      const shown = offer !== undefined && offer !== '' && wrong === '' && !undoing
      if (!shown || chance(at, DRAW.look, time) >= lookOf(person, this.pause())) {
        if (shown) time++
        return { act: plain(), read: 0 }
      }
      const read = 200 + 10 * offer.length
      const right = sameStart(offer, text, at)
      const draw = chance(at, DRAW.take, time)
      if (right === offer.length && keysOf(text, at, right) >= 2) {
        move(right)
        return { act: { kind: 'accept' }, read }
      }
      const rest = offer.length - right
      if (rest > 0 && right - 1 - rest >= 4 && draw < person.mends) {
        move(right)
        wrong = offer.slice(right)
        mending = true
        return { act: { kind: 'accept' }, read }
      }
      if (rest > 0 && right > 0 && draw >= 1 - person.careless) {
        wrong = offer
        undoing = true
        time++
        return { act: { kind: 'accept' }, read }
      }
      const sends = rest > 0 && chance(at, DRAW.send, time) < person.dismisses
      time++
      return { act: sends ? { kind: 'dismiss' } : plain(), read }
    },
  }
}

/** The text that one key brings at this place: a character, or Enter and the indentation an editor puts behind it. */
export const keyAt = (text: string, at: number): string =>
  text[at] === '\n'
    ? /^\n[ \t]*/.exec(text.slice(at, at + 200))![0]
    : String.fromCodePoint(text.codePointAt(at)!)

/** Keys that type this many characters from a place on. */
export const keysOf = (text: string, at: number, count: number): number => {
  let keys = 0
  for (let i = at; i < at + count; i += keyAt(text, i).length) keys++
  return keys
}

const sameStart = (offer: string, text: string, at: number): number => {
  let same = 0
  while (same < offer.length && offer[same] === text[at + same]) same++
  return same
}

/** Longer pauses leave more time to look: all of `attention` from a second on, half of it at none. */
const lookOf = (person: Person, pause: number): number =>
  person.attention * (0.5 + 0.5 * Math.min(1, pause / 1000))

/** Milliseconds before the key at a place: short inside words, longer where a word, a line or a sentence begins. */
const pauseAt = (text: string, at: number, time: number, person: Person, chance: Chance): number => {
  const before = text[at - 1]
  const sentence = at === 0 || /[.?!:]["'”’)]?\s$/.test(text.slice(Math.max(0, at - 3), at))
  const slower = sentence ? 6 : before === '\n' ? 4 : /[\s([{.]/.test(before!) ? 1.8 : 1
  // Now and then somebody stops to think, at the start of a word.
  const long =
    slower > 1 && chance(at, DRAW.long, time) < 0.08 ? 2000 * chance(at, DRAW.long, time + 1000) : 0
  return Math.round(person.pace * slower * (0.6 + 0.8 * chance(at, DRAW.pause, time)) + long)
}
