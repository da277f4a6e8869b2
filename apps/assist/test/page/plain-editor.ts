import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { editing } from '../../src/page/writing/editor.ts'

/** The page's editor with no assistant in it: what the browser and the library take by themselves. */
const parent = document.getElementById('editor')!
const view = new EditorView({ parent, state: EditorState.create({ extensions: editing('prose') }) })
document.documentElement.dataset.ready = 'true'
view.focus()
