import { defaultKeymap, history, historyKeymap, indentLess, indentMore } from '@codemirror/commands'
import { javascript } from '@codemirror/lang-javascript'
import {
  bracketMatching,
  defaultHighlightStyle,
  HighlightStyle,
  indentOnInput,
  syntaxHighlighting,
} from '@codemirror/language'
import { EditorState, type Extension } from '@codemirror/state'
import { drawSelection, EditorView, keymap, placeholder } from '@codemirror/view'
import type { Assistant, TextAction, TextKind, TextState } from '@lockstep/assist'
import { accept, type GhostEvents, ghostText, hide } from './ghost-text.ts'

export type Editor = {
  /** Shows the text of this kind. */
  open(kind: TextKind, text: string): void
  focus(): void
  take(): void
  dismiss(): void
  /** Hides an offer that is not what would be offered now. */
  clear(): void
}

export type EditorEvents = GhostEvents & {
  /** The text as it is now; called after every change. */
  readonly written: (kind: TextKind, text: () => string) => void
}

/** The library's own colours, lighter where the page is dark. */
const colours = HighlightStyle.define(
  defaultHighlightStyle.specs.map((spec) =>
    typeof spec.color === 'string'
      ? { ...spec, color: `light-dark(${spec.color}, color-mix(in oklab, ${spec.color} 42%, #dff5f1))` }
      : spec,
  ),
)

const theme = EditorView.theme({
  '&': { backgroundColor: 'transparent', color: 'inherit', height: '100%' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'inherit', lineHeight: 'inherit' },
  '.cm-content': { padding: '1.25rem 0', caretColor: 'var(--accent)' },
  '.cm-line': { padding: '0 1.25rem' },
  '.cm-cursor': { borderLeft: '2px solid var(--accent)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--chosen)',
  },
  '.cm-placeholder': { color: 'var(--quiet)' },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--chosen)' },
})

const WORDS: Readonly<Record<TextKind, string>> = {
  prose: 'Write here. Grey words are offers: Tab takes one, typing on ignores it.',
  code: '// Write JavaScript or TypeScript here. Grey text is an offer: Tab takes it.',
}

/** The editor itself, with no assistant in it. */
export const editing = (kind: TextKind): Extension => [
  history(),
  drawSelection(),
  EditorView.lineWrapping,
  EditorView.cspNonce.of(nonceHere()),
  theme,
  placeholder(WORDS[kind]),
  EditorView.contentAttributes.of({
    'aria-label': kind === 'prose' ? 'Your text' : 'Your code',
    'aria-describedby': 'keys',
    spellcheck: kind === 'prose' ? 'true' : 'false',
  }),
  EditorView.editorAttributes.of({ class: kind }),
  keymap.of([
    { key: 'Mod-]', run: indentMore },
    { key: 'Mod-[', run: indentLess },
    ...defaultKeymap,
    ...historyKeymap,
  ]),
  kind === 'code' ? [javascript({ typescript: true }), bracketMatching(), indentOnInput()] : [],
  syntaxHighlighting(colours),
]

const nonceHere = (): string =>
  document.querySelector<HTMLMetaElement>('meta[name="style-nonce"]')?.content ?? ''

/** Tab takes an offer where there is one and leaves the editor where there is none: lines are indented with Ctrl-] and Ctrl-[. */
export const openEditor = (
  parent: HTMLElement,
  assistant: Assistant<TextState, TextAction>,
  events: EditorEvents,
): Editor => {
  let dismiss: (view: EditorView) => boolean = () => false
  const extensionsFor = (kind: TextKind): Extension => {
    const ghost = ghostText(assistant, kind, events)
    dismiss = ghost.dismiss
    return [
      ghost.extension,
      editing(kind),
      EditorView.updateListener.of(({ docChanged, state }) => {
        if (docChanged) events.written(kind, () => state.doc.toString())
      }),
    ]
  }
  const view = new EditorView({ parent, extensions: [EditorView.cspNonce.of(nonceHere())] })
  return {
    open: (kind, text) => {
      events.shown(undefined)
      view.setState(
        EditorState.create({
          doc: text,
          selection: { anchor: text.length },
          extensions: extensionsFor(kind),
        }),
      )
    },
    focus: () => view.focus(),
    take: () => {
      accept(view)
      view.focus()
    },
    clear: () => hide(view),
    dismiss: () => {
      dismiss(view)
      view.focus()
    },
  }
}
