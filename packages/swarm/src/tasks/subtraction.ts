import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { powerOfTen, writeLowFirst } from './writing.ts'

/** `sub 52-7=` -> `81` (25 - 7 = 18, lowest digit first); the larger number comes first. */
export const subtraction: Family = family({
  name: 'subtraction',
  about: 'Subtract two numbers, lowest digit first.',
  levels: 16,
  write: (m) => {
    const a = m.draw(0, powerOfTen(m, m.level.div(2).add(1)).sub(1))
    const b = m.draw(0, powerOfTen(m, m.level.add(1).div(2).add(1)).sub(1))
    const larger = m.choose(a.lt(b), b, a)
    const smaller = m.choose(a.lt(b), a, b)
    m.prompt.write('sub ')
    writeLowFirst(m, m.prompt, larger)
    m.prompt.write('-')
    writeLowFirst(m, m.prompt, smaller)
    m.prompt.write('=')
    writeLowFirst(m, m.solution, larger.sub(smaller))
    scoreAligned(m)
  },
})
