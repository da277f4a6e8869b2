import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { A } from './writing.ts'

/** `copy kdbq=` -> `kdbq`; a level adds a letter. */
export const copying: Family = family({
  name: 'copying',
  about: 'Repeat a text.',
  levels: 16,
  write: (m) => {
    m.prompt.write('copy ')
    m.loop(m.level.add(2), () => {
      const letter = m.draw(0, 25).add(A)
      m.prompt.character(letter)
      m.solution.character(letter)
    })
    m.prompt.write('=')
    scoreAligned(m)
  },
})
