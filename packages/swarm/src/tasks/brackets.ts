import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'

const OPEN = '([{<'
const CLOSE = ')]}>'

/** `brk ([]<=` -> `>)`: what closes all that is open, at least two; a level adds a bracket. */
export const brackets: Family = family({
  name: 'brackets',
  about: 'Close the open brackets.',
  levels: 16,
  write: (m) => {
    const opening = m.list(4)
    const closing = m.list(4)
    for (let i = 0; i < 4; i++) {
      opening.set(i, OPEN.charCodeAt(i))
      closing.set(i, CLOSE.charCodeAt(i))
    }
    const open = m.list(18)
    const depth = m.variable(0)
    const left = m.variable(m.level.add(3))
    m.prompt.write('brk ')
    m.while(
      () => left.ne(0),
      () => {
        left.decrease(1)
        // A bracket may close where at least two can still be open at the end.
        m.when(
          m.draw(0, 1).and(depth.ne(0)).and(depth.add(left).ge(3)),
          () => {
            depth.decrease(1)
            m.prompt.character(closing.at(open.at(depth)))
          },
          () => {
            const kind = m.draw(0, 3)
            open.set(depth, kind)
            depth.increase(1)
            m.prompt.character(opening.at(kind))
          },
        )
      },
    )
    m.prompt.write('=')
    m.while(
      () => depth.ne(0),
      () => {
        depth.decrease(1)
        m.solution.character(closing.at(open.at(depth)))
      },
    )
    scoreAligned(m)
  },
})
