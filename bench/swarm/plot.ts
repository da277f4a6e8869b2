import { interval } from './interval.ts'

/** A line with its seeds: at each place along the x axis, a value of each seed. */
export type Line = {
  readonly name: string
  readonly x: readonly number[]
  readonly seeds: readonly (readonly number[])[]
}

const COLOURS = ['#444444', '#2f7ed8', '#0d9c5b', '#d9822b']
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [720, 420, 70, 110, 46, 56]

/** Lines of means with bands of 95% confidence, as SVG. Axes begin at 0; `across` and `up` name them with their units. */
export const plotLines = (title: string, across: string, up: string, lines: readonly Line[]): string => {
  const bands = lines.map(({ x, seeds }) => x.map((_, i) => interval(seeds.map((of) => of[i]!))))
  const most = 1.05 * Math.max(...bands.flat().flatMap(({ mean, high }) => [mean, high || mean]))
  const last = Math.max(...lines.flatMap(({ x }) => x))
  const px = (x: number): string => (LEFT + (x / last) * (WIDTH - LEFT - RIGHT)).toFixed(1)
  const py = (y: number): string =>
    (HEIGHT - BOTTOM - (Math.max(0, y) / most) * (HEIGHT - TOP - BOTTOM)).toFixed(1)
  const text = (x: string | number, y: string | number, words: string, more = ''): string =>
    `<text x="${x}" y="${y}" font-family="sans-serif" font-size="13" ${more}>${words}</text>`
  const drawn = lines.map(({ name, x }, l) => {
    const colour = COLOURS[l % COLOURS.length]!
    const at = (of: (i: number) => number) => x.map((p, i) => `${px(p)},${py(of(i))}`)
    const high = at((i) => bands[l]![i]!.high)
    const low = at((i) => bands[l]![i]!.low).reverse()
    const band = bands[l]!.some((b) => Number.isNaN(b.high))
      ? ''
      : `<polygon points="${[...high, ...low].join(' ')}" fill="${colour}" opacity="0.15"/>`
    const line = `<polyline points="${at((i) => bands[l]![i]!.mean).join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`
    const y = TOP + 20 + 24 * l
    const key = `<line x1="${WIDTH - RIGHT + 16}" x2="${WIDTH - RIGHT + 40}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="3"/>`
    return `${band}${line}${key}${text(WIDTH - RIGHT + 48, y + 4, name)}`
  })
  const [middle, half] = [(LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}">`,
    `<title>${title}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    text(middle, 26, title, 'text-anchor="middle"'),
    text(middle, HEIGHT - 14, across, 'text-anchor="middle"'),
    text(20, half, up, `text-anchor="middle" transform="rotate(-90 20 ${half})"`),
    ...marks(most).flatMap((y) => [
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py(y)}" y2="${py(y)}" stroke="#ddd"/>`,
      text(LEFT - 8, Number(py(y)) + 4, String(Number(y.toFixed(3))), 'text-anchor="end"'),
    ]),
    ...marks(last).map((x) =>
      text(px(x), HEIGHT - BOTTOM + 20, String(Number(x.toFixed(3))), 'text-anchor="middle"'),
    ),
    ...drawn,
    '</svg>',
    '',
  ].join('\n')
}

/** Round numbers from 0 to at most `most`: four to ten of them, by ones, twos, fours or fives. */
const marks = (most: number): number[] => {
  const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4, 5, 10, 20, 50, 100]
  const step = steps.find((by) => most / by <= 9) ?? most / 9
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, i) => i * step)
}
