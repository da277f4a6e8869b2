import type { Builder } from '../machine/builder.ts'
import type { Operand, Word } from '../machine/word.ts'
import { type Family, family } from './family.ts'

/** The language, a character an instruction: what it needs on the stack, and what it does there. */
export const STACK_CODE = {
  digits: '0123456789', // pushes it
  operations: 'ds+-*[]%/orp<=',
} as const

/** Characters of a program, words on the stack, and instructions that a test may run. */
export const STACK_CODE_LIMITS = { length: 24, stack: 16, steps: 128 } as const

/** How many words each operation needs, in the order of the language's operations. */
const NEEDS = [1, 2, 2, 2, 2, 1, 1, 2, 2, 2, 3, 1, 2, 2] as const

/**
 * `code 3*x+2` is answered with a program of a small stack language: `3*2+`. It finds x on the stack and leaves the
 * result, and it is run on three inputs that the prompt does not show. The word machine is its sandbox: a program that
 * is malformed, runs too long, takes from an empty stack or leaves more than one word passes no test.
 */
export const stackCode: Family = family({
  name: 'stack-code',
  about: 'Write a program for a stack that computes a function; it is run on hidden inputs.',
  levels: 10,
  write: (m) => {
    const a = m.variable(m.draw(1, 9))
    const b = m.variable(m.draw(1, 9))
    const kind = m.level.sub(1)
    const wanted = m.routine(1, (x) => {
      const y = m.variable(0)
      const power = (factor: (i: Word) => Operand): void => {
        y.set(1)
        m.loop(x, (i) => y.set(y.mul(factor(i))))
      }
      m.among(kind, [
        () => y.set(x.add(a)),
        () => y.set(x.mul(a)),
        () => y.set(x.mul(a).add(b)),
        () => y.set(x.mul(x).add(a)),
        () => y.set(x.add(a).mul(b)),
        () => y.set(x.rem(a).mul(b)),
        () => y.set(x.add(a).mul(x.add(b))),
        () => y.set(x.mul(a).add(b)),
        () => power(() => a),
        () => power((i) => i.add(1)),
      ])
      return y
    })
    m.prompt.write('code ')
    m.among(kind, [
      () => m.prompt.write('x+', a),
      () => m.prompt.write(a, '*x'),
      () => m.prompt.write(a, '*x+', b),
      () => m.prompt.write('x*x+', a),
      () => m.prompt.write('(x+', a, ')*', b),
      () => m.prompt.write('x%', a, '*', b),
      () => m.prompt.write('(x+', a, ')*(x+', b, ')'),
      () => m.prompt.write('1:', wanted(1), ' 3:', wanted(3)),
      () => m.prompt.write(a, '^x'),
      () => m.prompt.write('x!'),
    ])
    m.among(kind, [
      () => m.solution.write(a, '+'),
      () => m.solution.write(a, '*'),
      () => m.solution.write(a, '*', b, '+'),
      () => m.solution.write('d*', a, '+'),
      () => m.solution.write(a, '+', b, '*'),
      () => m.solution.write(a, '%', b, '*'),
      () => m.solution.write('d', a, '+s', b, '+*'),
      () => m.solution.write(a, '*', b, '+'),
      () => m.solution.write('1s[s', a, '*s1-]p'),
      () => m.solution.write('1s[dr*s1-]p'),
    ])
    // Loops run as often as x says, so their inputs are small.
    const small = m.variable(kind.ge(8))
    const test = (low: number, high: number, smallLow: number, smallHigh: number): Word =>
      m.draw(m.choose(small, smallLow, low), m.choose(small, smallHigh, high))
    const inputs = [test(0, 9, 0, 2), test(10, 30, 3, 4), test(31, 99, 5, 7)]
    const run = sandbox(m)
    const passed = m.variable(0)
    for (const x of inputs) passed.increase(run(x, wanted(x)))
    m.score(m.choose(passed.eq(3), 100, passed.mul(30)))
  },
})

/** Reads the answer as a program; gives a routine that says whether it makes the one word out of the other. */
const sandbox = (m: Builder): ((x: Word, result: Word) => Word) => {
  const { length, stack: depthLimit, steps } = STACK_CODE_LIMITS
  const size = m.answer.length
  m.require(size.sub(1).lt(length))
  const symbols = STACK_CODE.digits + STACK_CODE.operations
  const program = m.list(length) // numbers of symbols
  const partner = m.list(length) // of a bracket
  const open = m.list(length)
  m.block(() => {
    const letters = m.letters(symbols)
    const depth = m.variable(0)
    m.loop(size, (i) => {
      const symbol = m.answer.at(i)
      const number = m.variable(symbols.length)
      m.loop(symbols.length, (k, stop) => {
        m.when(letters.at(k).eq(symbol), () => {
          number.set(k)
          stop()
        })
      })
      m.require(number.lt(symbols.length))
      program.set(i, number)
      m.when(number.eq(symbols.indexOf('[')), () => {
        open.set(depth, i)
        depth.increase(1)
      })
      m.when(number.eq(symbols.indexOf(']')), () => {
        m.require(depth)
        depth.decrease(1)
        const other = open.at(depth)
        partner.set(i, other)
        partner.set(other, i)
      })
    })
    m.require(depth.not())
  })

  const needs = m.table(NEEDS)
  const stack = m.list(depthLimit)
  return m.routine(2, (x, result) => {
    const height = m.variable(1)
    const place = m.variable(0)
    const sound = m.variable(1)
    const fuel = m.variable(steps)
    stack.set(0, x)
    const push = (value: Operand): void => {
      m.when(
        height.lt(depthLimit),
        () => {
          stack.set(height, value)
          height.increase(1)
        },
        () => sound.set(0),
      )
    }
    m.while(
      () => place.lt(size).and(sound),
      (stop) => {
        const spent = (): void => {
          sound.set(0)
          stop()
        }
        m.when(fuel.not(), spent)
        fuel.decrease(1)
        const symbol = program.at(place)
        m.when(
          symbol.lt(10),
          () => push(symbol),
          () => {
            const operation = symbol.sub(10)
            m.when(height.lt(needs.at(operation)), spent)
            const top = stack.at(height.sub(1))
            const second = m.variable(stack.at(height.sub(2)))
            const give = (value: Word): void => {
              height.decrease(1)
              stack.set(height.sub(1), value)
            }
            m.among(operation, [
              () => push(top),
              () => {
                stack.set(height.sub(2), top)
                stack.set(height.sub(1), second)
              },
              () => give(second.add(top)),
              () => give(second.sub(top)),
              () => give(second.mul(top)),
              () => m.when(top.not(), () => place.set(partner.at(place))),
              () => m.when(top, () => place.set(partner.at(place))),
              () => give(second.rem(top)),
              () => give(second.div(top)),
              () => push(second),
              () => {
                const third = stack.at(height.sub(3))
                stack.set(height.sub(3), second)
                stack.set(height.sub(2), top)
                stack.set(height.sub(1), third)
              },
              () => height.decrease(1),
              () => give(second.lt(top)),
              () => give(second.eq(top)),
            ])
          },
        )
        place.increase(1)
      },
    )
    return sound.and(height.eq(1)).and(stack.at(0).eq(result))
  })
}
