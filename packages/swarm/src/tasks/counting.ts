import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { A, below, order, ZERO } from './writing.ts'

/** `cnt abn:banana=` -> `312`: how often each letter occurs; other letters stand between from level 3 on. */
export const counting: Family = family({
  name: 'counting',
  about: 'Count letters in a text.',
  levels: 16,
  write: (m) => {
    const asked = m.level.div(3).add(2)
    const letter = order(m, 26)
    const text = m.list(64)
    const length = m.variable(0)
    m.prompt.write('cnt ')
    m.loop(asked, (i) => {
      m.prompt.character(letter.at(i).add(A))
      // The first letter occurs, so that the text is not empty.
      const count = below(m, m.level.div(2).add(4).min(8)).add(i.eq(0))
      m.solution.character(count.add(ZERO))
      m.loop(count, () => {
        text.set(length, letter.at(i))
        length.increase(1)
      })
    })
    m.loop(m.level.div(3), (i) => {
      text.set(length, letter.at(i.add(asked)))
      length.increase(1)
    })
    m.prompt.write(':')
    m.shuffle(text, length)
    m.loop(length, (i) => m.prompt.character(text.at(i).add(A)))
    m.prompt.write('=')
    scoreAligned(m)
  },
})
