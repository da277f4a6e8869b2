import { type Family, family } from './family.ts'
import { A } from './writing.ts'

/** `maj abbab=` -> `b`: the letter that more than half of the text consists of; right or wrong. */
export const majority: Family = family({
  name: 'majority',
  about: 'The letter that has the majority.',
  levels: 16,
  write: (m) => {
    const half = m.level.add(1)
    const length = half.mul(2).add(1)
    const winner = m.draw(0, 25)
    const text = m.list(33)
    m.loop(length, (i) => {
      const other = winner.add(m.draw(1, 25)).rem(26)
      text.set(i, m.choose(i.le(half), winner, other).add(A))
    })
    m.shuffle(text, length)
    m.prompt.write('maj ')
    m.loop(length, (i) => m.prompt.character(text.at(i)))
    m.prompt.write('=')
    m.solution.character(winner.add(A))
    m.score(
      m.answer.length
        .eq(1)
        .and(m.answer.at(0).eq(winner.add(A)))
        .mul(100),
    )
  },
})
