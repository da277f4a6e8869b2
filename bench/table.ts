import type { Row } from './row.ts'

const HEAD = ['what', 'ours', 'unit', 'against', 'theirs', 'ratio', 'target', 'met']
/** Figures stand to the right, words to the left. */
const RIGHT = new Set(['ours', 'theirs', 'ratio', 'target'])

/** Rows as a table for a person. A peer that is not installed is said to be absent. */
export const table = (rows: readonly Row[]): string => {
  const cells = [HEAD, ...rows.map(cellsOf)]
  const widths = HEAD.map((_, c) => Math.max(...cells.map((row) => row[c]!.length)))
  return cells
    .map((row) =>
      row
        .map((cell, c) => (RIGHT.has(HEAD[c]!) ? cell.padStart(widths[c]!) : cell.padEnd(widths[c]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

const cellsOf = (r: Row): string[] => [
  r.what,
  short(r.ours),
  r.unit,
  r.against ?? '',
  r.theirs === null ? (r.against === null ? '' : 'absent') : short(r.theirs),
  r.ratio === null ? '' : r.ratio.toFixed(3),
  r.target === null ? '' : String(r.target),
  r.met === null ? '' : r.met ? 'met' : 'MISSED',
]

/** Four digits, without an exponent where it can be helped. */
export const short = (x: number): string =>
  Math.abs(x) >= 1e4 && Math.abs(x) < 1e15
    ? Math.round(x).toString()
    : Number.isFinite(x)
      ? String(Number(x.toPrecision(4)))
      : String(x)
