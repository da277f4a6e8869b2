import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { A, code, order, zeroes } from './writing.ts'

const [LEFT, BOTH] = [1, 3]

/**
 * `set abc&bcd=` -> `bc`: | joins, & keeps what is in both, - what is only in the first; the answer is in
 * alphabetic order and never empty. From level 6 on the sets are out of order.
 */
export const sets: Family = family({
  name: 'sets',
  about: 'Join, intersect and subtract sets.',
  levels: 16,
  write: (m) => {
    const letter = order(m, 26)
    const place = order(m, 26)
    m.when(m.level.lt(6), () => m.loop(26, (i) => place.set(i, i)))
    // Bit 0: in the first set; bit 1: in the second. One letter is in both and one only in the first.
    const where = zeroes(m, 26)
    m.loop(m.level.add(3), (i) => {
      where.set(letter.at(i), m.choose(i.eq(0), BOTH, m.choose(i.eq(1), LEFT, m.draw(1, 3))))
    })
    const kind = m.draw(0, m.level.div(2).min(2))
    m.prompt.write('set ')
    m.loop(26, (i) => m.when(where.at(place.at(i)).and(1), () => m.prompt.character(place.at(i).add(A))))
    m.prompt.character(m.choose(kind.eq(0), code('|'), m.choose(kind.eq(1), code('&'), code('-'))))
    m.loop(26, (i) => m.when(where.at(place.at(i)).and(2), () => m.prompt.character(place.at(i).add(A))))
    m.prompt.write('=')
    m.loop(26, (i) => {
      const only = m.choose(kind.eq(1), where.at(i).eq(BOTH), where.at(i).eq(LEFT))
      m.when(m.choose(kind.eq(0), where.at(i).ne(0), only), () => m.solution.character(i.add(A)))
    })
    scoreAligned(m)
  },
})
