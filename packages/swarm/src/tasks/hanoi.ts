import { type Family, family } from './family.ts'
import { scoreLeading } from './marks.ts'
import { A } from './writing.ts'

/**
 * `han abc>c=` -> `cbac`: where the discs stand, the largest first, and the peg where all shall go; the answer is
 * the next two moves (three with five discs, four with seven) of the shortest way, or all where fewer are left.
 */
export const hanoi: Family = family({
  name: 'hanoi',
  about: 'The next moves of the towers of Hanoi.',
  levels: 16,
  write: (m) => {
    const discs = m.level.div(3).add(3)
    const goal = m.draw(0, 2)
    const peg = m.list(8)
    const done = m.variable(1)
    m.while(
      () => done,
      () => {
        m.loop(discs, (i) => {
          peg.set(i, m.draw(0, 2))
          done.set(done.and(peg.at(i).eq(goal)))
        })
      },
    )
    m.prompt.write('han ')
    m.loop(discs, (i) => m.prompt.character(peg.at(i).add(A)))
    m.prompt.write('>')
    m.prompt.character(goal.add(A))
    m.prompt.write('=')

    m.loop(discs.sub(3).div(2).add(2), () => {
      // The largest disc that is not where it shall be needs the smaller ones on the third peg, and so on down; the
      // last disc that has to move can.
      const to = m.variable(goal)
      const disc = m.variable(0)
      const target = m.variable(0)
      const any = m.variable(0)
      m.loop(discs, (i) => {
        const at = peg.at(i)
        m.when(at.ne(to), () => {
          disc.set(i)
          target.set(to)
          any.set(1)
          to.set(m.word(3).sub(at).sub(to))
        })
      })
      m.when(any, () => {
        m.solution.character(peg.at(disc).add(A))
        m.solution.character(target.add(A))
        peg.set(disc, target)
      })
    })
    scoreLeading(m)
  },
})
