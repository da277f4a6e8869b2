import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { below, code, writeLowFirst } from './writing.ts'

/** `sum 3+41-2=` -> `51` (3 + 14 - 2 = 15, lowest digit first); never below 0 on the way. */
export const chainSum: Family = family({
  name: 'chain-sum',
  about: 'Add and subtract along a chain of numbers.',
  levels: 16,
  write: (m) => {
    const bound = m.choose(m.level.lt(8), 10, 100)
    const total = m.variable(below(m, bound))
    m.prompt.write('sum ')
    writeLowFirst(m, m.prompt, total)
    m.loop(m.level.mul(2).div(3).add(1), () => {
      const value = below(m, bound)
      const minus = m.draw(0, 1).and(value.le(total))
      m.prompt.character(m.choose(minus, code('-'), code('+')))
      writeLowFirst(m, m.prompt, value)
      total.set(m.choose(minus, total.sub(value), total.add(value)))
    })
    m.prompt.write('=')
    writeLowFirst(m, m.solution, total)
    scoreAligned(m)
  },
})
