import type { Interval } from './interval.ts'

/** Groups of bars side by side: each bar a mean of 0 to 1 with its interval. */
export type BarGroup = {
  readonly name: string
  readonly bars: readonly ({ readonly what: string } & Interval)[]
}

const [WIDTH, LEFT, RIGHT, TOP, BAR, GAP] = [760, 260, 70, 40, 16, 6]

/** Horizontal bars with their intervals, a group below the other, as SVG. */
export const plotBars = (title: string, groups: readonly BarGroup[]): string => {
  const px = (value: number): number => LEFT + Math.min(1, Math.max(0, value)) * (WIDTH - LEFT - RIGHT)
  const text = (x: number, y: number, words: string, more = ''): string =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-family="sans-serif" font-size="12" ${more}>${words}</text>`
  const drawn: string[] = []
  let y = TOP
  for (const { name, bars } of groups) {
    drawn.push(text(8, y + BAR, name, 'font-weight="bold"'))
    y += BAR + GAP
    for (const { what, mean, low, high } of bars) {
      const middle = y + BAR / 2
      drawn.push(
        text(LEFT - 8, y + BAR - 4, what, 'text-anchor="end"'),
        `<rect x="${LEFT}" y="${y}" width="${(px(mean) - LEFT).toFixed(1)}" height="${BAR}" fill="#2f7ed8" opacity="0.7"/>`,
        text(px(Number.isNaN(high) ? mean : Math.max(mean, high)) + 6, y + BAR - 4, mean.toFixed(3)),
      )
      if (!Number.isNaN(low))
        drawn.push(
          `<line x1="${px(low).toFixed(1)}" x2="${px(high).toFixed(1)}" y1="${middle}" y2="${middle}" stroke="#222" stroke-width="2"/>`,
        )
      y += BAR + GAP
    }
    y += GAP
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y + GAP}" viewBox="0 0 ${WIDTH} ${y + GAP}">`,
    `<rect width="${WIDTH}" height="${y + GAP}" fill="white"/>`,
    text(8, 22, title),
    ...drawn,
    '</svg>',
    '',
  ].join('\n')
}
