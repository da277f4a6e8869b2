import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { ZERO } from './writing.ts'

/** `scan 3142=` -> `3480`: after each digit the sum so far, modulo 10; a level adds a digit. */
export const prefixSums: Family = family({
  name: 'prefix-sums',
  about: 'Sums so far, modulo 10.',
  levels: 16,
  write: (m) => {
    const total = m.variable(0)
    m.prompt.write('scan ')
    m.loop(m.level.add(3), () => {
      const digit = m.draw(0, 9)
      m.prompt.character(digit.add(ZERO))
      total.set(total.add(digit).rem(10))
      m.solution.character(total.add(ZERO))
    })
    m.prompt.write('=')
    scoreAligned(m)
  },
})
