import type { List, Operand } from '../machine/word.ts'
import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { A, below, code, order, ZERO } from './writing.ts'

/**
 * `rw 1:a>ab,b>a:aba=` -> `abaab`: every letter is replaced by its rule, all at once; from level 8 on twice.
 * Rules have one letter at the right side, from level 3 on one or two.
 */
export const rewriting: Family = family({
  name: 'rewriting',
  about: 'Apply rules to a text.',
  levels: 16,
  write: (m) => {
    const rules = m.level.div(4).add(2)
    const passes = m.level.div(8).add(1)
    const letter = order(m, 26)
    // Rule i gives the letters at 2i and 2i + 1; the second is absent where it is the number of rules.
    const right = m.list(10)
    m.prompt.write('rw ')
    m.prompt.character(passes.add(ZERO))
    m.loop(rules, (i) => {
      const first = below(m, rules)
      const second = m.variable(below(m, rules))
      m.when(m.level.lt(3).or(m.draw(0, 1)), () => second.set(rules))
      right.set(i.mul(2), first)
      right.set(i.mul(2).add(1), second)
      m.prompt.character(m.choose(i.eq(0), code(':'), code(',')))
      m.prompt.character(letter.at(i).add(A))
      m.prompt.write('>')
      m.prompt.character(letter.at(first).add(A))
      m.when(second.ne(rules), () => m.prompt.character(letter.at(second).add(A)))
    })
    m.prompt.write(':')
    const text = m.list(40)
    const other = m.list(40)
    const length = m.variable(m.level.and(7).add(3))
    m.loop(length, (i) => {
      text.set(i, below(m, rules))
      m.prompt.character(letter.at(text.at(i)).add(A))
    })
    m.prompt.write('=')

    m.loop(passes, () => {
      const written = m.variable(0)
      const write = (to: List, symbol: Operand) => {
        to.set(written, symbol)
        written.increase(1)
      }
      m.loop(length, (i) => {
        const rule = text.at(i).mul(2)
        write(other, right.at(rule))
        m.when(right.at(rule.add(1)).ne(rules), () => write(other, right.at(rule.add(1))))
      })
      length.set(written)
      m.loop(length, (i) => text.set(i, other.at(i)))
    })
    m.loop(length, (i) => m.solution.character(letter.at(text.at(i)).add(A)))
    scoreAligned(m)
  },
})
