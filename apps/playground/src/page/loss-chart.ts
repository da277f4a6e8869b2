/**
 * The loss of every step as a curve. It is a slider for the keyboard and for whoever cannot see it: arrow keys, Page
 * Up and Down, Home and End move along the steps, and what is there is told.
 */
export type LossChart = {
  /** Adds the next step's loss. */
  readonly add: (loss: number) => void
  /** Empties it, for so many steps. */
  readonly clear: (steps: number) => void
}

const NS = 'http://www.w3.org/2000/svg'
/** Of a new loss in the smooth curve. */
const SHARE = 0.15
const MARGIN = { left: 44, right: 12, top: 8, bottom: 40 } as const
/** Nats per byte of knowing nothing about it, a little rounded up: where the scale ends unless a loss is higher. */
const HIGHEST = 6

const make = (name: string, attributes: Record<string, string | number> = {}): SVGElement => {
  const element = document.createElementNS(NS, name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value))
  return element
}

/** `onPoint` hears the words for the step that is looked at, '' where none is. */
export const createLossChart = (
  host: HTMLElement,
  steps: number,
  onPoint: (words: string) => void,
): LossChart => {
  const losses: number[] = []
  const smooth: number[] = []
  let last = steps
  let looked: number | undefined // a step, from 1
  let isDue = false // at the next frame
  const svg = make('svg', { tabindex: 0, role: 'slider', 'aria-label': 'Loss by step', 'aria-valuemin': 0 })
  const [frame, raw, curve, mark] = [
    make('g'),
    make('path', { class: 'raw' }),
    make('path', { class: 'smooth' }),
    make('g'),
  ]
  svg.append(frame, raw, curve, mark)
  host.replaceChildren(svg)

  const place = () => {
    const { clientWidth: width, clientHeight: height } = host
    const highest = losses.reduce((most, loss) => Math.max(most, Math.ceil(loss)), HIGHEST)
    const [w, h] = [width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom]
    const x = (step: number): number => MARGIN.left + (w * step) / last
    const y = (loss: number): number => MARGIN.top + h * (1 - Math.max(0, loss) / highest)
    return { width, height, highest, x, y }
  }
  type Place = ReturnType<typeof place>

  const drawFrame = ({ width, height, highest, x, y }: Place): void => {
    frame.replaceChildren()
    const text = (words: string, attributes: Record<string, string | number>): void => {
      const element = make('text', attributes)
      element.textContent = words
      frame.append(element)
    }
    for (let loss = 0; loss <= highest; loss += highest > 8 ? 2 : 1) {
      frame.append(make('line', { class: 'grid', x1: x(0), x2: x(last), y1: y(loss), y2: y(loss) }))
      text(String(loss), { x: MARGIN.left - 8, y: y(loss) + 4, 'text-anchor': 'end' })
    }
    const marks = width < 480 ? 4 : last % 6 === 0 ? 6 : 5
    for (let i = 0; i <= marks; i++) {
      const step = Math.round((last * i) / marks)
      const anchor = i === marks ? 'end' : i === 0 ? 'start' : 'middle'
      text(String(step), { x: x(step), y: height - 22, 'text-anchor': anchor })
    }
    text('step', { x: (x(0) + x(last)) / 2, y: height - 5, 'text-anchor': 'middle' })
    const middle = (y(0) + y(highest)) / 2
    const turned = { transform: `rotate(-90 12 ${middle})`, x: 12, y: middle, 'text-anchor': 'middle' }
    text('nats per byte', turned)
  }

  const path = (values: readonly number[], { x, y }: Place): string =>
    values.map((v, i) => `${i === 0 ? 'M' : 'L'}${x(i + 1).toFixed(1)} ${y(v).toFixed(1)}`).join('')

  const wordsAt = (step: number): string =>
    `Step ${step}: loss ${losses[step - 1]!.toFixed(3)}, smoothed ${smooth[step - 1]!.toFixed(3)}`

  const draw = (): void => {
    isDue = false
    const at = place()
    if (at.width === 0) return
    svg.setAttribute('viewBox', `0 0 ${at.width} ${at.height}`)
    drawFrame(at)
    raw.setAttribute('d', path(losses, at))
    curve.setAttribute('d', path(smooth, at))
    mark.replaceChildren()
    const step = looked ?? losses.length
    if (step > 0) {
      const [cx, cy] = [at.x(step), at.y(smooth[step - 1]!)]
      if (looked !== undefined)
        mark.append(make('line', { class: 'mark', x1: cx, x2: cx, y1: MARGIN.top, y2: at.y(0) }))
      mark.append(make('circle', { cx, cy, r: 5 }))
    }
    svg.setAttribute('aria-valuemax', String(losses.length))
    svg.setAttribute('aria-valuenow', String(step))
    svg.setAttribute('aria-valuetext', step > 0 ? wordsAt(step) : 'No steps yet')
  }
  const drawSoon = (): void => {
    if (!isDue) requestAnimationFrame(draw)
    isDue = true
  }
  const look = (step: number | undefined): void => {
    looked =
      step === undefined || losses.length === 0 ? undefined : Math.min(losses.length, Math.max(1, step))
    onPoint(looked === undefined ? '' : wordsAt(looked))
    drawSoon()
  }

  svg.addEventListener('keydown', (event) => {
    const from = looked ?? losses.length
    const to = new Map([
      ['ArrowLeft', from - 1],
      ['ArrowDown', from - 1],
      ['ArrowRight', from + 1],
      ['ArrowUp', from + 1],
      ['PageDown', from - 10],
      ['PageUp', from + 10],
      ['Home', 1],
      ['End', losses.length],
    ]).get(event.key)
    if (event.key === 'Escape') look(undefined)
    if (to === undefined) return
    event.preventDefault()
    look(to)
  })
  svg.addEventListener('pointermove', (event) => {
    const { x } = place()
    const along = (event.clientX - host.getBoundingClientRect().left - x(0)) / (x(1) - x(0))
    look(Math.round(along))
  })
  svg.addEventListener('pointerleave', () => look(undefined))
  svg.addEventListener('blur', () => look(undefined))
  new ResizeObserver(drawSoon).observe(host)

  return {
    add: (loss) => {
      losses.push(loss)
      const before = smooth.at(-1) ?? loss
      smooth.push(before + SHARE * (loss - before))
      drawSoon()
    },
    clear: (steps) => {
      losses.length = 0
      smooth.length = 0
      last = steps
      look(undefined)
    },
  }
}
