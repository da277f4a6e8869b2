import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { powerOfTen, writeLowFirst } from './writing.ts'

/** `add 54+7=` -> `25` (45 + 7 = 52, lowest digit first); every level gives one of the numbers a digit more. */
export const addition: Family = family({
  name: 'addition',
  about: 'Add two numbers, lowest digit first.',
  levels: 16,
  write: (m) => {
    const a = m.draw(0, powerOfTen(m, m.level.div(2).add(1)).sub(1))
    const b = m.draw(0, powerOfTen(m, m.level.add(1).div(2).add(1)).sub(1))
    m.prompt.write('add ')
    writeLowFirst(m, m.prompt, a)
    m.prompt.write('+')
    writeLowFirst(m, m.prompt, b)
    m.prompt.write('=')
    writeLowFirst(m, m.solution, a.add(b))
    scoreAligned(m)
  },
})
