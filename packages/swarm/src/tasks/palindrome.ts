import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { A } from './writing.ts'

/** `pal abcb=` -> `a`: the fewest letters which, appended, make the text read the same backwards. */
export const palindrome: Family = family({
  name: 'palindrome',
  about: 'Complete a palindrome with the fewest letters.',
  levels: 16,
  write: (m) => {
    const before = m.level.div(2).add(1).add(m.draw(0, 1))
    const core = m.level.div(3).add(2)
    const length = before.add(core)
    const text = m.list(20)
    m.loop(core.add(1).div(2), (i) => {
      const letter = m.draw(0, 25)
      text.set(before.add(i), letter)
      text.set(length.sub(1).sub(i), letter)
    })
    m.loop(before, (i) => text.set(i, m.draw(0, 25)))
    // The ends differ, so that something is missing.
    text.set(0, text.at(length.sub(1)).add(m.draw(1, 25)).rem(26))
    m.prompt.write('pal ')
    m.loop(length, (i) => m.prompt.character(text.at(i).add(A)))
    m.prompt.write('=')

    const skip = m.variable(0)
    const mirrored = m.variable(0)
    m.while(
      () => mirrored.eq(0),
      () => {
        skip.increase(1)
        mirrored.set(1)
        m.loop(length.sub(skip).div(2), (i) => {
          mirrored.set(mirrored.and(text.at(skip.add(i)).eq(text.at(length.sub(1).sub(i)))))
        })
      },
    )
    m.loop(skip, (i) => m.solution.character(text.at(skip.sub(1).sub(i)).add(A)))
    scoreAligned(m)
  },
})
