import { type Family, family } from './family.ts'
import { scoreLeading } from './marks.ts'
import { below, code } from './writing.ts'

const [TRUE, FALSE, NOT, AND, OR, XOR] = [code('t'), code('f'), code('!'), code('&'), code('|'), code('^')]
const [OPEN, CLOSE, LEAF] = [code('('), code(')'), code('?')]

/**
 * `bool t,!f,(t&!t),(f|t),!t=` -> `ttftf`: five expressions over & | ^ (exclusive or) and !; every level makes one
 * of them larger. Half of all values are guessed, so only a right start counts.
 */
export const boolean: Family = family({
  name: 'boolean',
  about: 'The values of five boolean expressions.',
  levels: 16,
  write: (m) => {
    const text = m.list(24)
    const values = m.list(8)
    const operators = m.list(8)
    m.prompt.write('bool ')
    m.loop(5, (item) => {
      m.when(item.ne(0), () => m.prompt.write(','))

      // An expression grows from one leaf: again and again a leaf becomes two with an operator between them.
      text.set(0, LEAF)
      const length = m.variable(1)
      const leaves = m.variable(1)
      m.loop(m.level.add(item).div(5), () => {
        const skip = m.variable(below(m, leaves))
        const at = m.variable(0)
        m.while(
          () => text.at(at).ne(LEAF).or(skip.ne(0)),
          () => {
            skip.decrease(text.at(at).eq(LEAF))
            at.increase(1)
          },
        )
        m.loop(length.sub(at).sub(1), (i) => {
          const from = length.sub(1).sub(i)
          text.set(from.add(4), text.at(from))
        })
        const kind = m.draw(0, 2)
        text.set(at, OPEN)
        text.set(at.add(1), LEAF)
        text.set(at.add(2), m.choose(kind.eq(0), AND, m.choose(kind.eq(1), OR, XOR)))
        text.set(at.add(3), LEAF)
        text.set(at.add(4), CLOSE)
        length.increase(4)
        leaves.increase(1)
      })

      // It is written and evaluated from left to right; a closing bracket applies the last operator.
      const depth = m.variable(0)
      const pending = m.variable(0)
      m.loop(length, (i) => {
        const symbol = text.at(i)
        m.when(
          symbol.eq(LEAF),
          () => {
            const not = m.draw(0, 2).eq(0)
            const value = m.draw(0, 1)
            m.when(not, () => m.prompt.character(NOT))
            m.prompt.character(m.choose(value, TRUE, FALSE))
            values.set(depth, value.xor(not))
            depth.increase(1)
          },
          () => {
            m.prompt.character(symbol)
            m.when(symbol.eq(AND).or(symbol.eq(OR)).or(symbol.eq(XOR)), () => {
              operators.set(pending, symbol)
              pending.increase(1)
            })
            m.when(symbol.eq(CLOSE), () => {
              pending.decrease(1)
              depth.decrease(1)
              const operator = operators.at(pending)
              const a = values.at(depth.sub(1))
              const b = values.at(depth)
              const either = m.choose(operator.eq(OR), a.or(b), a.xor(b))
              values.set(depth.sub(1), m.choose(operator.eq(AND), a.and(b), either))
            })
          },
        )
      })
      m.solution.character(m.choose(values.at(0), TRUE, FALSE))
    })
    m.prompt.write('=')
    scoreLeading(m)
  },
})
