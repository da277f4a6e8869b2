import { isolateHistory } from '@codemirror/commands'
import {
  Annotation,
  type EditorState,
  type Extension,
  Prec,
  StateEffect,
  StateField,
  Transaction,
} from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, keymap, WidgetType } from '@codemirror/view'
import type { Assistant, Offer, TextAction, TextKind, TextState } from '@lockstep/assist'
import { editsOf, firstWord, stateAt } from '../../writing/edits.ts'

export type TextOffer = Offer<TextAction>

/** What is left of an offer after what was typed of it, at the caret. */
export type Ghost = { readonly offer: TextOffer; readonly text: string; readonly at: number }

/** What the page hears of. */
export type GhostEvents = {
  /** The offer that is seen now; undefined where there is none. */
  readonly shown: (ghost: Ghost | undefined) => void
  /** The person did something, so there is something to tell that is new. */
  readonly acted: () => void
  readonly failed: (error: unknown) => void
}

const show = StateEffect.define<Ghost | undefined>()
const accepting = Annotation.define<TextOffer>()

/** Pauses after which an offer is thought about once more: what was not worth an interruption may be worth it then. */
const PAUSE = 700
/** Actions after which what was taken counts as let stand. */
const SETTLED = 20

export const ghostOf = (state: EditorState): Ghost | undefined => state.field(ghostField, false)

/** The ghost after a transaction: it shrinks by what is typed of it, and goes with anything else. */
const ghostField = StateField.define<Ghost | undefined>({
  create: () => undefined,
  update: (ghost, tr) => {
    for (const effect of tr.effects) if (effect.is(show)) return effect.value
    if (!ghost || (!tr.docChanged && !tr.selection)) return ghost
    if (tr.docChanged) {
      const typed = typedAt(tr, ghost.at)
      if (typed === undefined || !ghost.text.startsWith(typed) || typed.length === ghost.text.length)
        return undefined
      const at = ghost.at + typed.length
      return caretOf(tr.state) === at ? { ...ghost, text: ghost.text.slice(typed.length), at } : undefined
    }
    return caretOf(tr.state) === ghost.at ? ghost : undefined
  },
  provide: (field) => EditorView.decorations.from(field, (ghost) => decorationsOf(ghost)),
})

/** What was written at one place and nothing else; undefined where more was done. */
const typedAt = (tr: Transaction, at: number): string | undefined => {
  if (tr.isUserEvent('undo') || tr.isUserEvent('redo')) return undefined
  let typed: string | undefined
  let others = 0
  tr.changes.iterChanges((from, to, _, __, inserted) => {
    if (from === at && to === at) typed = inserted.toString()
    else others++
  })
  return others === 0 ? typed : undefined
}

const caretOf = (state: EditorState): number | undefined =>
  state.selection.main.empty && state.selection.ranges.length === 1 ? state.selection.main.head : undefined

const decorationsOf = (ghost: Ghost | undefined): DecorationSet =>
  ghost
    ? Decoration.set([Decoration.widget({ widget: new GhostWidget(ghost.text), side: 1 }).range(ghost.at)])
    : Decoration.none

class GhostWidget extends WidgetType {
  readonly #text: string
  constructor(text: string) {
    super()
    this.#text = text
  }
  override eq(other: GhostWidget): boolean {
    return other.#text === this.#text
  }
  override toDOM(view: EditorView): HTMLElement {
    const element = document.createElement('span')
    element.className = 'ghost'
    // It is told by the page's live region: a screen reader that reads the text must not find it there.
    element.setAttribute('aria-hidden', 'true')
    element.textContent = this.#text
    element.addEventListener('pointerdown', (event) => {
      event.preventDefault()
      accept(view)
    })
    return element
  }
  override ignoreEvent(): boolean {
    return true
  }
}

/** Takes what is left of the offer. False where there is none, so that a key goes on to mean what it means. */
export const accept = (view: EditorView): boolean => {
  const ghost = ghostOf(view.state)
  if (!ghost) return false
  insert(view, ghost, ghost.text, [accepting.of(ghost.offer), isolateHistory.of('full')])
  return true
}

const acceptWord = (view: EditorView): boolean => {
  const ghost = ghostOf(view.state)
  if (!ghost) return false
  const word = firstWord(ghost.text)
  if (word.length === ghost.text.length) return accept(view)
  insert(view, ghost, word, [isolateHistory.of('full')])
  return true
}

const insert = (view: EditorView, { at }: Ghost, text: string, annotations: Annotation<unknown>[]): void =>
  view.dispatch({
    changes: { from: at, insert: text },
    selection: { anchor: at + text.length },
    annotations: [...annotations, Transaction.userEvent.of('input.complete')],
    scrollIntoView: true,
  })

/** Takes an offer out of sight; that says nothing about it. */
export const hide = (view: EditorView): void => {
  if (ghostOf(view.state)) view.dispatch({ effects: show.of(undefined) })
}

/** What was taken lately, where it stands. */
type Taken = { readonly offer: TextOffer; readonly from: number; readonly to: number; readonly until: number }

/**
 * Offers of an assistant as grey text at the caret, and all that is done told to it. An offer is asked for after every
 * change, once it is on the screen; nothing waits for the answer, which is dropped if the text has gone on.
 */
export const ghostText = (
  assistant: Assistant<TextState, TextAction>,
  kind: TextKind,
  events: GhostEvents,
): { readonly extension: Extension; readonly dismiss: (view: EditorView) => boolean } => {
  let taken: Taken[] = []
  let actions = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  const told = (promise: Promise<unknown>): void => {
    promise.catch(events.failed)
  }

  /** What was taken and is now taken back, by undoing or by changing it. */
  const lookBack = (tr: Transaction): void => {
    const isUndo = tr.isUserEvent('undo')
    const left: Taken[] = []
    for (const one of taken) {
      let touched = false
      tr.changes.iterChangedRanges((from, to) => {
        if (to > from && from < one.to && to > one.from) touched = true
      })
      if (touched) told(isUndo ? assistant.undone(one.offer) : assistant.edited(one.offer))
      else if (actions < one.until)
        left.push({ ...one, from: tr.changes.mapPos(one.from, 1), to: tr.changes.mapPos(one.to, -1) })
    }
    taken = left
  }

  const hear = (tr: Transaction): void => {
    if (!tr.docChanged || tr.annotation(Transaction.remote)) return
    lookBack(tr)
    const offer = tr.annotation(accepting)
    if (offer) {
      told(assistant.accepted(offer))
      actions++
      tr.changes.iterChanges((_, __, from, to) => {
        taken.push({ offer, from, to, until: actions + SETTLED })
      })
      return
    }
    for (const { state, action } of editsOf(tr.startState.doc, tr.changes, kind)) {
      told(assistant.acted(state, action))
      actions++
    }
  }

  const ask = async (view: EditorView): Promise<void> => {
    const { state } = view
    const at = caretOf(state)
    if (at === undefined || view.composing || ghostOf(state) || !view.hasFocus) return
    const offer = await assistant.offer(stateAt(state.doc, at, kind))
    if (!offer) return
    // The text may have gone on while the answer came: the assistant knows, and this looks once more.
    if (view.state.doc !== state.doc || caretOf(view.state) !== at || !('typed' in offer.action)) return
    view.dispatch({ effects: show.of({ offer, text: offer.action.typed, at }) })
  }

  let isAsking = false
  /** Asks once the frame is shown that shows what was done: on few processors the model would hold it up. */
  const askAfterFrame = (view: EditorView): void => {
    if (isAsking) return
    isAsking = true
    requestAnimationFrame(() =>
      setTimeout(() => {
        isAsking = false
        told(ask(view))
      }),
    )
  }

  const dismiss = (view: EditorView): boolean => {
    const ghost = ghostOf(view.state)
    if (!ghost) return false
    view.dispatch({ effects: show.of(undefined) })
    told(assistant.dismissed(ghost.offer))
    return true
  }

  const listener = EditorView.updateListener.of(({ view, docChanged, transactions, startState, state }) => {
    for (const tr of transactions) hear(tr)
    const [before, now] = [ghostOf(startState), ghostOf(state)]
    if (before !== now) events.shown(now)
    if (!docChanged) return
    events.acted()
    clearTimeout(timer)
    if (now) return
    askAfterFrame(view)
    timer = setTimeout(() => told(ask(view)), PAUSE)
  })

  const keys = keymap.of([
    { key: 'Tab', run: accept },
    { key: 'Ctrl-ArrowRight', run: acceptWord },
    { key: 'Alt-ArrowRight', run: acceptWord },
    { key: 'Escape', run: dismiss },
  ])
  return { extension: [ghostField, listener, Prec.highest(keys)], dismiss }
}
