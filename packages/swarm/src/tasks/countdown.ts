import { type Family, family } from './family.ts'
import { code, ZERO } from './writing.ts'

const [OPEN, CLOSE] = [code('('), code(')')]
const [TIMES, PLUS, MINUS] = [code('*'), code('+'), code('-')]

/**
 * `cd 24:3 8=` -> `3*8`: every number once, with + - * and brackets, to the target; any such expression is
 * right. 20 for one that uses the numbers and misses the target.
 */
export const countdown: Family = family({
  name: 'countdown',
  about: 'Reach a target with the given numbers.',
  levels: 16,
  write: (m) => {
    const count = m.level.add(1).div(4).add(2)
    const largest = m.level.mul(2).add(9)
    const numbers = m.list(6)
    const operators = m.list(6)
    const target = m.variable(0)
    // All brackets of the solution open at its start: one for each product that follows a sum.
    const opens = m.variable(0)
    const plain = m.variable(0)
    m.loop(count, (i) => {
      const value = m.draw(1, largest)
      const kind = m.variable(m.draw(0, 2))
      m.when(target.mul(value).gt(999), () => kind.set(0))
      m.when(kind.eq(1).and(target.lt(value)), () => kind.set(0))
      m.when(i.eq(0), () => kind.set(0))
      const product = kind.eq(2)
      opens.increase(product.and(plain))
      plain.set(m.choose(product, 0, i.ne(0)))
      target.set(
        m.choose(product, target.mul(value), m.choose(kind.eq(1), target.sub(value), target.add(value))),
      )
      numbers.set(i, value)
      operators.set(i, m.choose(product, TIMES, m.choose(kind.eq(1), MINUS, PLUS)))
    })

    m.loop(opens, () => m.solution.character(OPEN))
    const sum = m.variable(0)
    m.loop(count, (i) => {
      const operator = operators.at(i)
      m.when(i.ne(0), () => {
        m.when(operator.eq(TIMES).and(sum), () => m.solution.character(CLOSE))
        m.solution.character(operator)
        sum.set(operator.ne(TIMES))
      })
      m.solution.write(numbers.at(i))
    })

    m.shuffle(numbers, count)
    m.prompt.write('cd ')
    m.prompt.write(target)
    m.loop(count, (i) => {
      m.prompt.character(m.choose(i.eq(0), code(':'), code(' ')))
      m.prompt.write(numbers.at(i))
    })
    m.prompt.write('=')

    // The answer is evaluated with two stacks: values, and operators that wait for their right side.
    const values = m.list(97)
    const waiting = m.list(97)
    const depth = m.variable(0)
    const pending = m.variable(0)
    const good = m.variable(1)
    const wanted = m.variable(1)
    const used = m.variable(0)
    const apply = () => {
      pending.decrease(1)
      const operator = waiting.at(pending)
      depth.decrease(1)
      const a = values.at(depth.sub(1))
      const b = values.at(depth)
      const rest = m.choose(operator.eq(PLUS), a.add(b), a.sub(b))
      values.set(depth.sub(1), m.choose(operator.eq(TIMES), a.mul(b), rest))
    }
    const waits = (operator: number) =>
      pending.ne(0).and(waiting.at(m.choose(pending, pending.sub(1), 0)).eq(operator))
    const at = m.variable(0)
    m.while(
      () => at.lt(m.answer.length).and(good),
      () => {
        const symbol = m.answer.at(at)
        at.increase(1)
        const digit = symbol.ge(ZERO).and(symbol.lt(ZERO + 10))
        m.when(
          wanted,
          () => {
            m.when(
              digit.and(symbol.ne(ZERO)),
              () => {
                const value = m.variable(symbol.sub(ZERO))
                const more = m.variable(1)
                m.while(
                  () => more,
                  () => {
                    const next = m.answer.at(at)
                    more.set(
                      at
                        .lt(m.answer.length)
                        .and(next.ge(ZERO))
                        .and(next.lt(ZERO + 10))
                        .and(value.lt(1000)),
                    )
                    m.when(more, () => {
                      value.set(value.mul(10).add(next).sub(ZERO))
                      at.increase(1)
                    })
                  },
                )
                // The number has to be one of those that are still free; 0 marks a used one.
                const free = m.variable(0)
                m.loop(count, (i) => {
                  m.when(numbers.at(i).eq(value).and(free.eq(0)), () => {
                    numbers.set(i, 0)
                    free.set(1)
                  })
                })
                good.set(free)
                used.increase(1)
                values.set(depth, value)
                depth.increase(1)
                wanted.set(0)
              },
              () => {
                good.set(symbol.eq(OPEN))
                waiting.set(pending, symbol)
                pending.increase(1)
              },
            )
          },
          () => {
            const times = symbol.eq(TIMES)
            const sums = symbol.eq(PLUS).or(symbol.eq(MINUS))
            good.set(times.or(sums).or(symbol.eq(CLOSE)))
            m.while(() => waits(TIMES), apply)
            m.when(times.eq(0), () => m.while(() => waits(PLUS).or(waits(MINUS)), apply))
            m.when(
              symbol.eq(CLOSE),
              () => {
                good.set(good.and(waits(OPEN)))
                pending.decrease(pending.ne(0))
              },
              () => {
                waiting.set(pending, symbol)
                pending.increase(1)
                wanted.set(1)
              },
            )
          },
        )
      },
    )
    good.set(good.and(wanted.eq(0)).and(used.eq(count)))
    m.while(() => good.and(pending.ne(0)).and(waits(OPEN).eq(0)), apply)
    good.set(good.and(pending.eq(0)))
    const reached = values.at(0).eq(target)
    m.score(m.choose(good, m.choose(reached, 100, 20), 0))
  },
})
