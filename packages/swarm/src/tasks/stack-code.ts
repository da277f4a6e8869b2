import type { Builder } from '../machine/builder.ts'
import type { Text } from '../machine/text.ts'
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
 * `code 3*x+2=` is answered with a program of a small stack language: `3*2+`. It finds x on the stack and leaves the
 * result, and it is run on three inputs that the prompt does not show. The word machine is its sandbox: a program that
 * is malformed, runs too long, takes from an empty stack or leaves more than one word passes no test.
 */
export const stackCode: Family = family({
  name: 'stack-code',
  about: 'Write a program for a stack that computes a function; it is run on hidden inputs.',
  levels: 16,
  write: (m) => {
    const kinds = kindsOf(m)
    const wanted = m.routine(1, (x) => {
      const y = m.variable(0)
      const give = (value: (x: Word) => Word) => () => y.set(value(x))
      m.among(
        m.level,
        kinds.map(({ value }) => give(value)),
      )
      return y
    })
    const writing = (text: Text, parts: Parts) => () => {
      for (const part of parts)
        if (typeof part === 'object' && 'symbol' in part) text.character(part.symbol)
        else text.write(part)
    }
    const examples = (): Parts => ['1:', wanted(1), ' 3:', wanted(3)]
    m.prompt.write('code ')
    m.among(
      m.level,
      kinds.map(({ asked }) => (asked ? writing(m.prompt, asked) : () => writing(m.prompt, examples())())),
    )
    m.prompt.write('=')
    m.among(
      m.level,
      kinds.map(({ solution }) => writing(m.solution, solution)),
    )
    // Loops run as often as x says, so their inputs are small.
    const small = m.variable(m.level.ge(FIRST_LOOP))
    const test = (low: number, high: number, smallLow: number, smallHigh: number): Word =>
      m.draw(m.choose(small, smallLow, low), m.choose(small, smallHigh, high))
    const inputs = [test(0, 9, 0, 2), test(10, 30, 3, 4), test(31, 99, 5, 7)]
    const run = sandbox(m)
    const passed = m.variable(0)
    for (const x of inputs) passed.increase(run(x, wanted(x)))
    m.score(m.choose(passed.eq(3), 100, passed.mul(30)))
  },
})

/** From this level on, functions are computed in loops. */
const FIRST_LOOP = 12

/** Strings, words as numbers, and drawn operators. */
type Parts = readonly (string | Word | Operator)[]
type Operator = { readonly symbol: Word; readonly value: (a: Word, b: Word) => Word }

/** A level's question, one right program, and the function itself. */
type Kind = {
  /** Left out where the function is asked for by examples. */
  readonly asked?: Parts
  readonly solution: Parts
  readonly value: (x: Word) => Word
}

const kindsOf = (m: Builder): readonly Kind[] => {
  const digit = (): Word => m.variable(m.draw(1, 9))
  const [a, b, c] = [digit(), digit(), digit()]
  const symbols = m.letters('+*%/')
  const operator = (lowest: number): Operator => {
    const which = m.variable(m.draw(lowest, 3))
    const value = m.routine(2, (x, y) => {
      const result = m.variable(0)
      m.among(which, [
        () => result.set(x.add(y)),
        () => result.set(x.mul(y)),
        () => result.set(x.rem(y)),
        () => result.set(x.div(y)),
      ])
      return result
    })
    return { symbol: symbols.at(which), value }
  }
  const [o, p, q] = [operator(0), operator(0), operator(0)]
  const [s, t] = [operator(1), operator(1)] // these come before a sum
  const product = (count: Word, factor: (i: Word) => Operand): Word => {
    const y = m.variable(1)
    m.loop(count, (i) => y.set(y.mul(factor(i))))
    return y
  }
  const factorial = (x: Word): Word => product(x, (i) => i.add(1))
  const power = (x: Word): Word => product(x, () => a)
  const FACTORIAL = '1s[dr*s1-]p'
  const POWER = ['1s[s', a, '*s1-]p'] as const
  return [
    { asked: ['x', o, a], solution: [a, o], value: (x) => o.value(x, a) },
    { asked: ['(x', o, a, ')', p, b], solution: [a, o, b, p], value: (x) => p.value(o.value(x, a), b) },
    { asked: ['x+', a, '*', b], solution: [a, b, '*+'], value: (x) => x.add(a.mul(b)) },
    {
      asked: [a, '*x+', b, '*', c],
      solution: [a, '*', b, c, '*+'],
      value: (x) => x.mul(a).add(b.mul(c)),
    },
    { asked: ['(x*x)', o, a], solution: ['d*', a, o], value: (x) => o.value(x.mul(x), a) },
    {
      asked: ['((x', o, a, ')', p, b, ')', q, c],
      solution: [a, o, b, p, c, q],
      value: (x) => q.value(p.value(o.value(x, a), b), c),
    },
    { asked: ['x*x*', a, '+', b], solution: ['d*', a, '*', b, '+'], value: (x) => x.mul(x).mul(a).add(b) },
    {
      asked: ['(x', o, a, ')*(x', p, b, ')'],
      solution: ['d', a, o, 's', b, p, '*'],
      value: (x) => o.value(x, a).mul(p.value(x, b)),
    },
    {
      asked: ['x', s, a, '+x', t, b],
      solution: ['d', a, s, 's', b, t, '+'],
      value: (x) => s.value(x, a).add(t.value(x, b)),
    },
    {
      asked: [a, '*x*x+', b, '*x+', c],
      solution: ['d', a, '*', b, '+*', c, '+'],
      value: (x) => x.mul(a).add(b).mul(x).add(c),
    },
    {
      asked: ['x*x*x+', a, '*x+', b],
      solution: ['dd*', a, '+*', b, '+'],
      value: (x) => x.mul(x).add(a).mul(x).add(b),
    },
    { solution: [a, '*', b, '+'], value: (x) => x.mul(a).add(b) },
    { asked: [a, '^x+', b], solution: [...POWER, b, '+'], value: (x) => power(x).add(b) },
    {
      asked: ['x!*', a, '+', b],
      solution: [FACTORIAL, a, '*', b, '+'],
      value: (x) => factorial(x).mul(a).add(b),
    },
    {
      asked: ['x!*', a, '+', b, '*', c],
      solution: [FACTORIAL, a, '*', b, c, '*+'],
      value: (x) => factorial(x).mul(a).add(b.mul(c)),
    },
    {
      asked: [a, '^x*', b, '+', c],
      solution: [...POWER, b, '*', c, '+'],
      value: (x) => power(x).mul(b).add(c),
    },
  ]
}

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
