import { type Family, family } from './family.ts'
import { A, ZERO } from './writing.ts'

/**
 * `nim 3 5 7=` -> `a1`: from which heap to take how many so that the other player loses (who takes the last
 * wins); any winning move is right, and a legal one that does not win scores 5.
 */
export const nim: Family = family({
  name: 'nim',
  about: 'A winning move of nim.',
  levels: 16,
  write: (m) => {
    const count = m.level.div(5).add(2)
    const heaps = m.list(5)
    const balance = m.variable(0)
    m.while(
      () => balance.eq(0),
      () => {
        balance.set(0)
        m.loop(count, (i) => {
          heaps.set(i, m.draw(1, m.level.add(9)))
          balance.set(balance.xor(heaps.at(i)))
        })
      },
    )
    m.prompt.write('nim ')
    m.loop(count, (i) => {
      m.when(i.ne(0), () => m.prompt.write(' '))
      m.prompt.write(heaps.at(i))
    })
    m.prompt.write('=')

    const moved = m.variable(0)
    m.loop(count, (i) => {
      const heap = heaps.at(i)
      const rest = heap.xor(balance)
      m.when(rest.lt(heap).and(moved.eq(0)), () => {
        m.solution.character(i.add(A))
        m.solution.write(heap.sub(rest))
        moved.set(1)
      })
    })

    const length = m.answer.length
    const heap = m.answer.at(0).sub(A)
    const taken = m.variable(0)
    const legal = m.variable(heap.lt(count).and(length.ge(2)).and(length.le(3)).and(m.answer.at(1).ne(ZERO)))
    m.when(legal, () => {
      m.loop(length.sub(1), (i) => {
        const digit = m.answer.at(i.add(1)).sub(ZERO)
        legal.set(legal.and(digit.lt(10)))
        taken.set(taken.mul(10).add(digit))
      })
      const size = heaps.at(heap)
      legal.set(legal.and(taken.le(size)))
      m.when(legal, () => legal.set(m.choose(size.sub(taken).eq(size.xor(balance)), 100, 5)))
    })
    m.score(legal)
  },
})
