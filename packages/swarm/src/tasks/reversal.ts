import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { A } from './writing.ts'

/** `rev kdbq=` -> `qbdk`; a level adds a letter. */
export const reversal: Family = family({
  name: 'reversal',
  about: 'Write a text backwards.',
  levels: 16,
  write: (m) => {
    const count = m.level.add(2)
    const letters = m.list(17)
    m.prompt.write('rev ')
    m.loop(count, (i) => {
      const letter = m.draw(0, 25).add(A)
      m.prompt.character(letter)
      letters.set(count.sub(i).sub(1), letter)
    })
    m.prompt.write('=')
    m.loop(count, (i) => m.solution.character(letters.at(i)))
    scoreAligned(m)
  },
})
