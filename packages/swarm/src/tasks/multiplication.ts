import type { Builder } from '../machine/builder.ts'
import type { Word } from '../machine/word.ts'
import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { powerOfTen, writeLowFirst } from './writing.ts'

/** 4, 6, 8, 10, 40, 60, 80, 100, 400 and so on: a bound of operands that grows with the level. */
const bound = (m: Builder, level: Word): Word => {
  const power = powerOfTen(m, level.shr(2))
  return level.and(3).mul(2).add(4).mul(power)
}

/** `mul 21*4=` -> `84` (12 * 4 = 48, lowest digit first); the operands grow to four digits. */
export const multiplication: Family = family({
  name: 'multiplication',
  about: 'Multiply two numbers, lowest digit first.',
  levels: 16,
  write: (m) => {
    const a = m.draw(1, bound(m, m.level.add(1)))
    const b = m.draw(1, bound(m, m.level.max(5).sub(2)))
    m.prompt.write('mul ')
    writeLowFirst(m, m.prompt, a)
    m.prompt.write('*')
    writeLowFirst(m, m.prompt, b)
    m.prompt.write('=')
    writeLowFirst(m, m.solution, a.mul(b))
    scoreAligned(m)
  },
})
