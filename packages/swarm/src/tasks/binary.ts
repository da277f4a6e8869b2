import { type Family, family } from './family.ts'
import { scoreLeading } from './marks.ts'
import { below, ZERO } from './writing.ts'

/** `bin 13:5=` -> `10110`: 13 in 5 bits, lowest first; half of all bits are guessed, so only a right start counts. */
export const binary: Family = family({
  name: 'binary',
  about: 'Write a number in base 2, lowest bit first.',
  levels: 16,
  write: (m) => {
    const width = m.level.add(3).add(m.draw(0, 2))
    const value = below(m, m.word(1).shl(width))
    m.prompt.write('bin ')
    m.prompt.write(value)
    m.prompt.write(':')
    m.prompt.write(width)
    m.prompt.write('=')
    m.loop(width, (i) => m.solution.character(value.shr(i).and(1).add(ZERO)))
    scoreLeading(m)
  },
})
