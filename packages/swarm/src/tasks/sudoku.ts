import { type Family, family } from './family.ts'
import { code, order, ZERO } from './writing.ts'

/**
 * `sud 1.34/3412/2143/43.1=` -> `22`: the missing digits in reading order; any valid completion is right. The
 * digits up to the first that meets its like in a row, column or box count: 100 (p/n)².
 */
export const sudoku: Family = family({
  name: 'sudoku',
  about: 'Fill in a 4x4 sudoku.',
  levels: 16,
  write: (m) => {
    const digit = order(m, 4)
    const rowSwap = m.draw(0, 3)
    const columnSwap = m.draw(0, 3)
    const turned = m.draw(0, 1)
    const full = m.list(16)
    m.loop(16, (i) => {
      const row = i.div(4)
      const column = i.rem(4)
      const r = m.choose(turned, column, row).xor(rowSwap)
      const c = m.choose(turned, row, column).xor(columnSwap)
      // Rows 0123, 2301, 1230 and 3012 are a solution; digits, rows, columns and the diagonal are exchanged.
      full.set(i, digit.at(r.and(1).mul(2).add(r.shr(1)).add(c).and(3)).add(1))
    })

    const holes = m.level.mul(2).div(3).add(2)
    const hole = order(m, 16)
    const given = m.list(16)
    m.loop(16, (i) => given.set(i, full.at(i)))
    m.loop(holes, (i) => given.set(hole.at(i), 0))
    m.prompt.write('sud ')
    m.loop(16, (i) => {
      m.when(i.and(3).eq(0).and(i.ne(0)), () => m.prompt.write('/'))
      const value = given.at(i)
      m.prompt.character(m.choose(value, value.add(ZERO), code('.')))
      m.when(value.eq(0), () => m.solution.character(full.at(i).add(ZERO)))
    })
    m.prompt.write('=')

    const placed = m.variable(0)
    const so = m.variable(m.answer.length.le(holes))
    m.loop(16, (i) => {
      m.when(so.and(given.at(i).eq(0)).and(placed.lt(m.answer.length)), () => {
        const value = m.answer.at(placed).sub(ZERO)
        so.set(value.ge(1).and(value.le(4)))
        m.loop(16, (j) => {
          // Bits of a place: two of the row, two of the column; a box shares the higher one of each.
          const differ = i.xor(j)
          const met = [12, 3, 10].map((unit) => differ.and(unit).eq(0)).reduce((a, b) => a.or(b))
          m.when(met.and(given.at(j).eq(value)), () => so.set(0))
        })
        m.when(so, () => {
          given.set(i, value)
          placed.increase(1)
        })
      })
    })
    m.score(placed.mul(placed).mul(100).div(holes.mul(holes)))
  },
})
