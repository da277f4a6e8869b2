import type { ChangeSet, Text } from '@codemirror/state'
import type { TextAction, TextKind, TextState } from '@lockstep/assist'

/** Characters of a text that an assistant is shown: more than any model here looks at. */
const BEFORE = 1024
const AFTER = 64

/** The text around a place, as an assistant sees it. */
export const stateAt = (text: Text, at: number, kind: TextKind): TextState => ({
  before: text.sliceString(Math.max(0, at - BEFORE), at),
  after: text.sliceString(at, at + AFTER),
  kind,
})

/** Something that the person did, and the state they did it in. */
export type Edit = { readonly state: TextState; readonly action: TextAction }

/**
 * What an editor's changes mean as actions, in order: what is replaced is taken away first and written anew. Each state is
 * the one after the edits before it.
 */
export const editsOf = (before: Text, changes: ChangeSet, kind: TextKind): Edit[] => {
  const edits: Edit[] = []
  let text = before
  // Changes tell places in the text before all of them, and in the one after: the latter is also the place after those before.
  changes.iterChanges((fromBefore, toBefore, from, _, inserted) => {
    const length = toBefore - fromBefore
    if (length > 0) {
      const deleted = [...text.sliceString(from, from + length)].length
      edits.push({ state: stateAt(text, from + length, kind), action: { deleted } })
    }
    const without = text.replace(from, from + length, EMPTY(text))
    if (inserted.length > 0)
      edits.push({ state: stateAt(without, from, kind), action: { typed: inserted.toString() } })
    text = without.replace(from, from, inserted)
  }, true)
  return edits
}

const EMPTY = (text: Text): Text => text.slice(0, 0)

/** The first word of an offer with what stands before it, as `Ctrl-Right` takes it. */
export const firstWord = (offer: string): string =>
  /^\s*(?:[\p{L}\p{N}_]+|[^\p{L}\p{N}_\s]+)/u.exec(offer)?.[0] ?? offer
