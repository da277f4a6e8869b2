import type { Word } from '../machine/word.ts'
import { type Family, family } from './family.ts'
import { below, code, zeroes } from './writing.ts'

const [OPEN, WALL, START, END] = [code('.'), code('#'), code('s'), code('e')]
const [UP, DOWN, LEFT, RIGHT] = [code('u'), code('d'), code('l'), code('r')]

/** Cells of a row of the map that is kept: six of the grid, and one at each side that nobody enters. */
const ROW = 8
const FAR = 255

/**
 * `grid s.#/#../..e=` -> `rddr`: any shortest way from s to e by u, d, l and r. 50 for a longer way that arrives,
 * up to 40 for coming closer without a wrong step.
 */
export const gridPath: Family = family({
  name: 'grid-path',
  about: 'A shortest way through a grid.',
  levels: 16,
  write: (m) => {
    const columns = m.level.add(2).div(5).add(3)
    const rows = m.level.add(4).div(5).add(3)
    const cell = (i: Word) => i.div(columns).add(1).mul(ROW).add(i.rem(columns)).add(1)
    const count = rows.mul(columns)

    // Distance of every cell to the end, 0 for the end, FAR for what is not reached; drawn until a start is left.
    const distance = m.list(ROW * ROW)
    const open = zeroes(m, ROW * ROW)
    const queue = m.list(36)
    const starts = m.list(36)
    const choices = m.variable(0)
    const end = m.variable(0)
    const tries = m.variable(0)
    const around = (at: Word, visit: (next: Word, move: number) => void) => {
      visit(at.sub(ROW), UP)
      visit(at.add(ROW), DOWN)
      visit(at.sub(1), LEFT)
      visit(at.add(1), RIGHT)
    }
    m.while(
      () => choices.eq(0),
      () => {
        tries.increase(1)
        m.loop(count, (i) => {
          const at = cell(i)
          // A quarter of the cells are walls; the eighth draw has none, so that it surely has a start.
          open.set(at, m.draw(0, 3).ne(0).or(tries.ge(8)))
          distance.set(at, FAR)
        })
        end.set(cell(below(m, count)))
        open.set(end, 1)
        distance.set(end, 0)
        queue.set(0, end)
        const taken = m.variable(0)
        const known = m.variable(1)
        m.while(
          () => taken.lt(known),
          () => {
            const at = queue.at(taken)
            taken.increase(1)
            const further = distance.at(at).add(1)
            m.when(further.gt(2), () => {
              starts.set(choices, at)
              choices.increase(1)
            })
            around(at, (next) => {
              m.when(open.at(next).and(distance.at(next).eq(FAR)), () => {
                distance.set(next, further)
                queue.set(known, next)
                known.increase(1)
              })
            })
          },
        )
      },
    )
    const start = starts.at(below(m, choices))

    m.prompt.write('grid ')
    m.loop(count, (i) => {
      m.when(i.rem(columns).eq(0).and(i.ne(0)), () => m.prompt.write('/'))
      const at = cell(i)
      const floor = m.choose(open.at(at), OPEN, WALL)
      m.prompt.character(m.choose(at.eq(start), START, m.choose(at.eq(end), END, floor)))
    })
    m.prompt.write('=')

    const here = m.variable(start)
    m.while(
      () => distance.at(here).ne(0),
      () => {
        const closer = distance.at(here).sub(1)
        const from = m.variable(here)
        around(from, (next, move) => {
          m.when(here.eq(from).and(open.at(next)).and(distance.at(next).eq(closer)), () => {
            here.set(next)
            m.solution.character(move)
          })
        })
      },
    )

    here.set(start)
    const legal = m.variable(m.answer.length.ne(0))
    m.loop(m.answer.length, (i) => {
      const move = m.answer.at(i)
      const from = m.variable(here)
      around(from, (next, name) => m.when(move.eq(name), () => here.set(next)))
      legal.set(legal.and(here.ne(from)).and(open.at(here)))
      // Whoever left the ways stays where it was: the cells outside the map are not read.
      m.when(legal.eq(0), () => here.set(start))
    })
    const far = distance.at(start)
    const left = distance.at(here)
    const closer = m.choose(left.lt(far), far.sub(left).mul(40).div(far), 0)
    const shortest = m.answer.length.eq(m.solution.length)
    m.score(m.choose(legal, m.choose(left.eq(0), m.choose(shortest, 100, 50), closer), 0))
  },
})
