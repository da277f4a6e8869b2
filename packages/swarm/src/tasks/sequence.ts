import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'

/**
 * `seq 3 5 7 9 11=` -> `13 15`: the next two terms. Terms with equal differences; from level 3 on also with equal
 * ratios, from 6 on sums of the two before, from 9 on differences that grow evenly.
 */
export const sequence: Family = family({
  name: 'sequence',
  about: 'Continue a sequence of numbers.',
  levels: 16,
  write: (m) => {
    const kind = m.draw(0, m.level.div(3).min(3))
    const geometric = kind.eq(1)
    const sums = kind.eq(2)
    const before = m.variable(m.draw(1, m.level.add(5)))
    const now = m.variable(m.draw(1, m.choose(geometric, 4, m.level.mul(5).add(20))))
    const ratio = m.draw(2, m.level.div(4).add(3))
    const step = m.variable(m.draw(1, m.level.mul(2).add(4)))
    const bend = m.draw(1, m.level.min(9).max(1))
    m.prompt.write('seq ')
    m.loop(7, (i) => {
      const shown = i.lt(5)
      m.when(
        shown,
        () => {
          m.when(i.ne(0), () => m.prompt.write(' '))
          m.prompt.write(now)
        },
        () => {
          m.when(i.eq(6), () => m.solution.write(' '))
          m.solution.write(now)
        },
      )
      const next = m.choose(geometric, now.mul(ratio), m.choose(sums, now.add(before), now.add(step)))
      before.set(now)
      now.set(next)
      m.when(kind.eq(3), () => step.increase(bend))
    })
    m.prompt.write('=')
    scoreAligned(m)
  },
})
