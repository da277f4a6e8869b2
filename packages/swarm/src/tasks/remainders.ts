import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { below, code, ZERO } from './writing.ts'

/** `mod 7:3 12 25=` -> `354`: remainders of two to seven numbers by one divisor of 3 to 9. */
export const remainders: Family = family({
  name: 'remainders',
  about: 'Remainders of numbers by a divisor.',
  levels: 16,
  write: (m) => {
    const divisor = m.draw(0, 6).add(3)
    const size = m.level.add(1)
    const bound = size.mul(size).mul(20)
    m.prompt.write('mod ')
    m.prompt.character(divisor.add(ZERO))
    m.loop(m.level.div(3).add(2), (i) => {
      const value = below(m, bound)
      m.prompt.character(m.choose(i.eq(0), code(':'), code(' ')))
      m.prompt.write(value)
      m.solution.character(value.rem(divisor).add(ZERO))
    })
    m.prompt.write('=')
    scoreAligned(m)
  },
})
