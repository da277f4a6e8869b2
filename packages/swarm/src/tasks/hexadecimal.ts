import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { A, below, ZERO } from './writing.ts'

/** `hex 1f=` -> `31`; the bound doubles with every level, from 48 on. */
export const hexadecimal: Family = family({
  name: 'hexadecimal',
  about: 'From base 16 to base 10.',
  levels: 16,
  write: (m) => {
    const value = below(m, m.word(48).shl(m.level))
    const place = m.variable(0)
    m.while(
      () => value.shr(place).ge(16),
      () => place.increase(4),
    )
    m.prompt.write('hex ')
    m.loop(place.div(4).add(1), () => {
      const digit = value.shr(place).and(15)
      m.prompt.character(m.choose(digit.lt(10), digit.add(ZERO), digit.sub(10).add(A)))
      place.decrease(4)
    })
    m.prompt.write('=')
    m.solution.write(value)
    scoreAligned(m)
  },
})
