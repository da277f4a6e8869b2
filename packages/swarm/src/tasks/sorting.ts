import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { A, below, ZERO, zeroes } from './writing.ts'

/** `sort 5291=` -> `1259`; a level adds a symbol, from level 8 on they are letters. */
export const sorting: Family = family({
  name: 'sorting',
  about: 'Put digits or letters into order.',
  levels: 16,
  write: (m) => {
    const digits = m.level.lt(8)
    const kinds = m.choose(digits, 10, 26)
    const first = m.choose(digits, ZERO, A)
    const counts = zeroes(m, 26)
    m.prompt.write('sort ')
    m.loop(m.level.add(2), () => {
      const symbol = below(m, kinds)
      counts.set(symbol, counts.at(symbol).add(1))
      m.prompt.character(symbol.add(first))
    })
    m.prompt.write('=')
    m.loop(kinds, (symbol) => m.loop(counts.at(symbol), () => m.solution.character(symbol.add(first))))
    scoreAligned(m)
  },
})
