import { interval } from './interval.ts'

/** A line with its seeds: at each place along the x axis, a value of each seed. */
export type Line = {
  readonly name: string
  readonly x: readonly number[]
  readonly seeds: readonly (readonly number[])[]
}

const COLOURS = ['#444444', '#2f7ed8', '#0d9c5b', '#d9822b']
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [720, 420, 60, 130, 40, 50]

/** Lines of means with bands of 95% confidence, as SVG. */
export const plotLines = (title: string, across: string, up: string, lines: readonly Line[]): string => {
  const bands = lines.map(({ x, seeds }) => x.map((_, i) => interval(seeds.map((of) => of[i]!))))
  const most =
    1.1 * Math.max(...bands.flat().flatMap(({ mean, high }) => [mean, Number.isNaN(high) ? mean : high]))
  const last = Math.max(...lines.flatMap(({ x }) => x))
  const px = (x: number): string => (LEFT + (x / last) * (WIDTH - LEFT - RIGHT)).toFixed(1)
  const py = (y: number): string =>
    (HEIGHT - BOTTOM - (Math.max(0, y) / most) * (HEIGHT - TOP - BOTTOM)).toFixed(1)
  const text = (x: string | number, y: string | number, words: string, more = ''): string =>
    `<text x="${x}" y="${y}" font-family="sans-serif" font-size="12" ${more}>${words}</text>`
  const ticks = Array.from({ length: 6 }, (_, i) => i / 5)
  const drawn = lines.map(({ name, x }, l) => {
    const colour = COLOURS[l % COLOURS.length]!
    const at = (of: (i: number) => number) => x.map((p, i) => `${px(p)},${py(of(i))}`)
    const high = at((i) => bands[l]![i]!.high)
    const low = at((i) => bands[l]![i]!.low).reverse()
    const band = bands[l]!.some((b) => Number.isNaN(b.high))
      ? ''
      : `<polygon points="${[...high, ...low].join(' ')}" fill="${colour}" opacity="0.15"/>`
    const line = `<polyline points="${at((i) => bands[l]![i]!.mean).join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`
    return `${band}${line}${text(WIDTH - RIGHT + 10, TOP + 16 + 20 * l, name, `fill="${colour}"`)}`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    text(LEFT, 24, title),
    text(LEFT, HEIGHT - 12, across),
    text(LEFT, TOP - 2, up, 'fill="#666"'),
    ...ticks.flatMap((part) => [
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py(part * most)}" y2="${py(part * most)}" stroke="#ddd"/>`,
      text(LEFT - 6, py(part * most), (part * most).toFixed(2), 'text-anchor="end"'),
      text(px(part * last), HEIGHT - BOTTOM + 16, (part * last).toFixed(0), 'text-anchor="middle"'),
    ]),
    ...drawn,
    '</svg>',
    '',
  ].join('\n')
}
