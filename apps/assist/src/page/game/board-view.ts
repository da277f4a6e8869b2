import { type GridRules, moveFault } from '@lockstep/assist'
import type { Session } from '../../game/session.ts'

/** Colours that differ in lightness too; each block also has a mark of its own. */
const SHADES = ['#d1495b', '#2f6fb0', '#e9b44c', '#4f9d69', '#8d6bb8', '#7a8288']
const MARKS = [
  'M-5,-5L5,5M5,-5L-5,5',
  'M0,-6L0,6M-6,0L6,0',
  'M-6,0L6,0',
  'M-5,4L0,-5L5,4Z',
  'M-5,-5H5V5H-5Z',
  'M0,-6L0,6',
]
const CELL = 44
const SVG = 'http://www.w3.org/2000/svg'

const draw = (
  name: string,
  attributes: { readonly [name: string]: string | number },
  ...inner: Node[]
): SVGElement => {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value))
  made.append(...inner)
  return made
}

const block = (colour: number, x: number, y: number, ghost = false): SVGElement => {
  const look = ghost
    ? { 'fill-opacity': 0.18, stroke: SHADES[colour]!, 'stroke-width': 2, 'stroke-dasharray': '5 4' }
    : { stroke: 'rgb(0 0 0 / 35%)', 'stroke-width': 1 }
  const mark = { stroke: ghost ? SHADES[colour]! : 'white', 'stroke-width': 2, fill: 'none', opacity: 0.9 }
  return draw(
    'g',
    { transform: `translate(${x} ${y})` },
    draw('rect', { x: -18, y: -18, width: 36, height: 36, rx: 5, fill: SHADES[colour]!, ...look }),
    draw('path', { d: MARKS[colour]!, ...mark }),
  )
}

/** The board as a drawing that takes keys, with the cursor, the blocks, and what is offered as ghosts. */
export type BoardView = {
  readonly element: HTMLElement
  show(session: Pick<Session, 'state' | 'cursor' | 'offer'>): void
  /** A small block of a colour. */
  sample(colour: number): SVGElement
}

export const boardView = ({ size }: GridRules, used: (cell: number) => void): BoardView => {
  const side = size * CELL
  const middle = (cell: number): [number, number] => [
    ((cell % size) + 0.5) * CELL,
    (Math.floor(cell / size) + 0.5) * CELL,
  ]
  const lines = Array.from(
    { length: size + 1 },
    (_, i) => `M0,${i * CELL}H${side}M${i * CELL},0V${side}`,
  ).join('')
  const blocks = draw('g', {})
  const ring = { width: CELL - 2, height: CELL - 2, rx: 6, fill: 'none', 'stroke-width': 3 }
  const cursor = draw('rect', { ...ring, stroke: 'currentColor', class: 'game-cursor' })
  const picture = draw(
    'svg',
    { viewBox: `-2 -2 ${side + 4} ${side + 4}`, 'aria-hidden': 'true' },
    draw('rect', { width: side, height: side, fill: 'none' }),
    draw('path', { d: lines, stroke: 'currentColor', 'stroke-opacity': 0.2, fill: 'none' }),
    blocks,
    cursor,
  )
  const element = document.createElement('div')
  element.className = 'game-board'
  element.tabIndex = 0
  // Arrows are the game's own keys here: a reader of screens hands them on.
  element.setAttribute('role', 'application')
  element.setAttribute('aria-label', 'Board')
  element.append(picture)
  element.addEventListener('pointerdown', (event) => {
    const box = picture.getBoundingClientRect()
    const x = Math.floor(((event.clientX - box.left) / box.width) * size)
    const y = Math.floor(((event.clientY - box.top) / box.height) * size)
    if (x < 0 || y < 0 || x >= size || y >= size) return
    element.focus()
    used(y * size + x)
  })
  return {
    element,
    show({ state, cursor: at, offer }) {
      const drawn: SVGElement[] = []
      for (const [cell, value] of state.board.entries())
        if (value) drawn.push(block(value - 1, ...middle(cell)))
      for (const move of offer?.action ?? [])
        if (move.kind === 'place' && !moveFault(state, move))
          drawn.push(block(move.colour, ...middle(move.cell), true))
      blocks.replaceChildren(...drawn)
      const [x, y] = middle(at)
      cursor.setAttribute('x', String(x - CELL / 2 + 1))
      cursor.setAttribute('y', String(y - CELL / 2 + 1))
    },
    sample: (colour) =>
      draw(
        'svg',
        { viewBox: '-20 -20 40 40', width: 18, height: 18, 'aria-hidden': 'true' },
        block(colour, 0, 0),
      ),
  }
}
