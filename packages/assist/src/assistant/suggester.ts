import type { Episode } from '../episode/episode.ts'
import type { Receipt } from '../versions/receipt.ts'

/** What the assistant needs of a model. Its network and its memory stand behind it, here or in a worker. */
export type Suggester = {
  /** Size of the vocabulary. */
  readonly symbols: number
  /** The most symbols of a context that it looks at. */
  readonly context: number
  /**
   * The likeliest continuation of a context; none where nothing is worth saying. Undefined where a later call, or `cancel`,
   * has made this one pointless.
   */
  suggest(context: Uint16Array, ask: Ask): Promise<Suggestion | undefined>
  /** Ends a suggestion under way. */
  cancel(): void
  /**
   * When the memory is told what was done: after every action (if absent), or whole when an episode ends, for memories of
   * finished things.
   */
  readonly remembers?: 'actions' | 'episodes'
  /** Takes what the person has done into the memory. */
  remember(passage: Passage): Promise<void>
  /** Takes a passage out again: from then on the memory is as if it had never seen it. */
  forget(passage: Passage): Promise<void>
  /** Trains a candidate from the present state; changes nothing but what is given back. Undefined where it was stopped. */
  learn(lessons: Lessons): Promise<Learned | undefined>
  /** Mean bits a symbol of the person's own symbols in `on`, in order, with a memory of `after` alone and of what came before each. */
  evaluate(exam: Exam): Promise<number>
  /** The present parameters, with all that training goes on from. */
  state(): Promise<Uint8Array>
  /** Puts other ones in their place. */
  load(state: Uint8Array): Promise<void>
  close(): Promise<void>
}

export type Ask = {
  /** The most symbols of a suggestion. */
  readonly most: number
  /** It may end after the symbol with which its whole log-probability falls below this. */
  readonly least: number
}

export type Suggestion = {
  readonly symbols: Uint16Array
  /** For each symbol the natural logarithm of its probability after those before it. */
  readonly logs: Float32Array
  /** For each symbol how long a context the memory has met before, in symbols; 0 where it knows nothing. */
  readonly matched: Uint8Array
}

/** Some of what a person did, uninterrupted. */
export type Passage = {
  /** What came before, newest last. */
  readonly context: Uint16Array
  readonly symbols: Uint16Array
  /** When, in milliseconds since 1970. */
  readonly at: number
}

/** Episodes to learn from and later ones to be measured on, oldest first. */
export type Lessons = {
  readonly episodes: readonly Episode[]
  readonly heldOut: readonly Episode[]
  readonly steps: number
  /** Decides what is drawn. */
  readonly seed: number
  /** Called between steps and other parts, where there is time for other things; false stops the training. */
  readonly between?: () => Promise<boolean>
}

export type Exam = { readonly after: readonly Episode[]; readonly on: readonly Episode[] }

export type Learned = {
  readonly state: Uint8Array
  readonly receipt: Receipt
  /** Mean bits a symbol on the held-out episodes. */
  readonly heldOut: { readonly before: number; readonly after: number }
}
