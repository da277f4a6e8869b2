import { type Family, family } from './family.ts'
import { scoreLeading } from './marks.ts'
import { below, code, powerOfTen } from './writing.ts'

/**
 * `cmp 3:5 2:2 7:1 4:6=` -> `legl`: less, equal or greater, four times; every second level adds a digit. A third is
 * guessed, so only a right start counts.
 */
export const comparison: Family = family({
  name: 'comparison',
  about: 'Compare four pairs of numbers.',
  levels: 16,
  write: (m) => {
    const bound = powerOfTen(m, m.level.div(2).add(1))
    m.prompt.write('cmp ')
    m.loop(4, (i) => {
      const a = below(m, bound)
      // A third of the pairs are equal and a third are close.
      const b = m.variable(below(m, bound))
      const kind = m.draw(0, 2)
      m.when(kind.ne(0), () => b.set(a))
      m.when(kind.eq(1), () => {
        b.set(m.choose(m.draw(0, 1).and(a.ne(0)), a.sub(1), a.add(1)))
      })
      m.when(i.ne(0), () => m.prompt.write(' '))
      m.prompt.write(a)
      m.prompt.write(':')
      m.prompt.write(b)
      m.solution.character(m.choose(a.lt(b), code('l'), m.choose(a.eq(b), code('e'), code('g'))))
    })
    m.prompt.write('=')
    scoreLeading(m)
  },
})
