import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { below, code, powerOfTen } from './writing.ts'

/** `kth 2:31 45 12=` -> `31`: the second largest. Levels below 4 ask for the largest, below 8 for an end. */
export const ranking: Family = family({
  name: 'ranking',
  about: 'The k-th largest of some numbers.',
  levels: 16,
  write: (m) => {
    const count = m.level.div(2).add(2)
    const bound = m.choose(m.level.lt(2), 30, powerOfTen(m, m.level.div(5).add(2)))
    const end = m.choose(m.draw(0, 1), count, 1)
    const rank = m.choose(m.level.lt(4), 1, m.choose(m.level.lt(8), end, m.draw(1, count)))
    const values = m.list(9)
    m.prompt.write('kth ')
    m.prompt.write(rank)
    m.loop(count, (i) => {
      // A number that is there already is drawn again.
      const value = m.variable(0)
      const again = m.variable(1)
      m.while(
        () => again,
        () => {
          value.set(below(m, bound))
          again.set(0)
          m.loop(i, (j) => again.set(again.or(values.at(j).eq(value))))
        },
      )
      values.set(i, value)
      m.prompt.character(m.choose(i.eq(0), code(':'), code(' ')))
      m.prompt.write(value)
    })
    m.prompt.write('=')
    m.loop(count, (i) => {
      const value = m.variable(values.at(i))
      const above = m.variable(0)
      m.loop(count, (j) => above.increase(value.lt(values.at(j))))
      m.when(above.add(1).eq(rank), () => m.solution.write(value))
    })
    scoreAligned(m)
  },
})
