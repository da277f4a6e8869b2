import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { A, below, order } from './writing.ts'

/** `key ab>xq:abba=` -> `xqqx`: a key of two to nine letters, and a text in it. */
export const substitution: Family = family({
  name: 'substitution',
  about: 'Encode a text with a given key.',
  levels: 16,
  write: (m) => {
    const size = m.level.div(2).add(2)
    const from = order(m, 26)
    const to = order(m, 26)
    m.prompt.write('key ')
    m.loop(size, (i) => m.prompt.character(from.at(i).add(A)))
    m.prompt.write('>')
    m.loop(size, (i) => m.prompt.character(to.at(i).add(A)))
    m.prompt.write(':')
    m.loop(m.level.add(3), () => {
      const letter = below(m, size)
      m.prompt.character(from.at(letter).add(A))
      m.solution.character(to.at(letter).add(A))
    })
    m.prompt.write('=')
    scoreAligned(m)
  },
})
