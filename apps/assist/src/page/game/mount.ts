import { blocksOn, type GridAction, type Offer } from '@lockstep/assist'
import { COLOUR_NAMES, createSession, type GameAssistant } from '../../game/session.ts'
import { boardView } from './board-view.ts'

export type MountOptions = {
  /** Says something to those who listen to the page. */
  announce(words: string): void
  /** The assistant was told of a move. */
  acted(): void
  /** An offer has become visible. */
  offered(offer: Offer<GridAction>): void
  failed(error: unknown): void
}

const HELP =
  'Arrows move, digits choose a colour, space or Enter places a block or takes one away, Tab takes what is offered, ' +
  'Escape sends it away, U takes back, N begins the next structure.'

/** Shows the building game in an empty element. Everything can be done with keys, or by pointing. */
export const mountGame = (
  element: HTMLElement,
  assistant: GameAssistant,
  options: MountOptions,
): { close(): void } => {
  const button = (words: string, act: () => void): HTMLButtonElement => {
    const made = document.createElement('button')
    made.type = 'button'
    made.textContent = words
    made.addEventListener('click', () => {
      act()
      view.element.focus()
    })
    return made
  }
  const session = createSession(assistant, { ...options, changed: () => show() })
  const view = boardView(session.state.rules, (cell) => session.use(cell))
  view.element.setAttribute('aria-describedby', 'game-help')

  const palette = document.createElement('div')
  palette.className = 'game-palette'
  palette.setAttribute('role', 'group')
  palette.setAttribute('aria-label', 'Colour in hand')
  const shades = Array.from({ length: session.state.rules.colours }, (_, colour) => {
    const made = button(`${colour + 1} ${COLOUR_NAMES[colour]}`, () => session.choose(colour))
    made.prepend(view.sample(colour))
    return made
  })
  palette.append(...shades)
  const take = button('Take (Tab)', () => session.take())
  const dismiss = button('Send away (Esc)', () => session.dismiss())
  const undo = button('Take back (U)', () => session.undo())
  const next = button('Finished, next (N)', () => session.finish())
  const row = document.createElement('div')
  row.className = 'game-actions'
  row.append(take, dismiss, undo, next)
  const help = document.createElement('p')
  help.id = 'game-help'
  help.className = 'game-help'
  help.textContent = HELP
  const count = document.createElement('p')
  count.className = 'game-count'

  const show = (): void => {
    view.show(session)
    for (const [colour, shade] of shades.entries())
      shade.setAttribute('aria-pressed', String(colour === session.colour))
    take.disabled = dismiss.disabled = session.offer === undefined
    undo.disabled = session.undoable === 0
    next.disabled = blocksOn(session.state.board).length === 0
    const offered = session.offer?.action.length ?? 0
    count.textContent = `${blocksOn(session.state.board).length} blocks${offered ? `, ${offered} offered` : ''}`
  }
  const keys: { readonly [key: string]: () => unknown } = {
    ArrowLeft: () => session.move(-1, 0),
    ArrowRight: () => session.move(1, 0),
    ArrowUp: () => session.move(0, -1),
    ArrowDown: () => session.move(0, 1),
    ' ': () => session.use(),
    Enter: () => session.use(),
    Escape: () => session.dismiss(),
    u: () => session.undo(),
    n: () => blocksOn(session.state.board).length > 0 && session.finish(),
  }
  view.element.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'Tab') {
      // Without an offer, or backwards, Tab goes on through the page as everywhere.
      if (!event.shiftKey && session.take()) event.preventDefault()
      return
    }
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key
    const act = /^[1-9]$/.test(name) ? () => session.choose(Number(name) - 1) : keys[name]
    if (!act) return
    event.preventDefault()
    act()
  })
  element.append(palette, view.element, count, row, help)
  show()
  view.element.focus()
  return {
    close() {
      session.close()
      element.replaceChildren()
    },
  }
}
