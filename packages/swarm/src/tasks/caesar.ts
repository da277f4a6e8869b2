import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { A } from './writing.ts'

/** `rot 3:abz=` -> `dec`: every letter moved on in the alphabet; a level adds a letter and two to the shift. */
export const caesar: Family = family({
  name: 'caesar',
  about: 'Shift letters along the alphabet.',
  levels: 16,
  write: (m) => {
    const shift = m.draw(1, m.level.mul(2).add(1).min(25))
    m.prompt.write('rot ')
    m.prompt.write(shift)
    m.prompt.write(':')
    m.loop(m.level.add(2), () => {
      const letter = m.draw(0, 25)
      m.prompt.character(letter.add(A))
      m.solution.character(letter.add(shift).rem(26).add(A))
    })
    m.prompt.write('=')
    scoreAligned(m)
  },
})
