import type { Metrics } from '@lockstep/assist'
import { draw } from '../element.ts'
import { percent } from './in-words.ts'

/** Points that are averaged into one: offers are too few in one hundred actions to say much. */
const AROUND = 5
const [WIDTH, HEIGHT] = [320, 150]
const MARGIN = { left: 40, right: 10, top: 12, bottom: 30 }

type Sum = { actions: number; offered: number; accepted: number; saved: number }

/** Of each hundred actions and those before it: what part of all that was written was spared, and of offers taken. */
export const seriesOf = (curve: Metrics['curve']): { readonly spared: number; readonly taken: number }[] =>
  curve.map((_, i) => {
    const sum: Sum = { actions: 0, offered: 0, accepted: 0, saved: 0 }
    for (const one of curve.slice(Math.max(0, i + 1 - AROUND), i + 1)) {
      sum.actions += one.actions
      sum.offered += one.offered
      sum.accepted += one.accepted
      sum.saved += one.saved
    }
    return {
      spared: Math.max(0, sum.saved / Math.max(1, sum.saved + sum.actions)),
      taken: sum.accepted / Math.max(1, sum.offered),
    }
  })

/** How the help changed with use, as two lines; what they end at is in its label too. */
export const drawUse = (host: HTMLElement, { curve }: Metrics): void => {
  const series = seriesOf(curve)
  const last = series.at(-1)
  if (!last || series.length < 2) {
    host.replaceChildren('Two hundred actions from now a curve begins here.')
    host.className = 'quiet'
    return
  }
  host.className = ''
  const [w, h] = [WIDTH - MARGIN.left - MARGIN.right, HEIGHT - MARGIN.top - MARGIN.bottom]
  const x = (i: number): number => MARGIN.left + (w * i) / (series.length - 1)
  const y = (value: number): number => MARGIN.top + h * (1 - Math.min(1, value))
  const label =
    `Over ${curve.length} times a hundred actions: spared ${percent(series[0]!.spared)} at first and ` +
    `${percent(last.spared)} now, offers taken ${percent(series[0]!.taken)} and ${percent(last.taken)}.`
  const svg = draw('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': label })
  for (const part of [0, 0.5, 1]) {
    svg.append(draw('line', { class: 'grid', x1: x(0), x2: x(series.length - 1), y1: y(part), y2: y(part) }))
    const at = { x: MARGIN.left - 6, y: y(part) + 4, 'text-anchor': 'end' }
    svg.append(draw('text', at, percent(part)))
  }
  const line = (name: 'spared' | 'taken'): SVGElement => {
    const d = series.map((one, i) => `${i === 0 ? 'M' : 'L'}${x(i).toFixed(1)} ${y(one[name]).toFixed(1)}`)
    return draw('path', { class: name, d: d.join('') })
  }
  svg.append(line('taken'), line('spared'))
  const end = { y: HEIGHT - 6, 'text-anchor': 'end' }
  svg.append(
    draw(
      'text',
      { ...end, x: WIDTH - MARGIN.right },
      `${curve.reduce((sum, one) => sum + one.actions, 0)} actions`,
    ),
  )
  const keys = draw('text', { y: HEIGHT - 6, x: MARGIN.left })
  keys.append(
    draw('tspan', { class: 'spared' }, '● spared'),
    draw('tspan', { class: 'taken', dx: 10 }, '● offers taken'),
  )
  svg.append(keys)
  host.replaceChildren(svg)
}
