import type { Builder } from '../machine/builder.ts'
import type { Text } from '../machine/text.ts'
import type { List, Operand, Variable, Word } from '../machine/word.ts'

/** What several families draw or write. */

/** The code of a character. */
export const code = (character: string): number => character.charCodeAt(0)
export const ZERO: number = code('0')
export const A: number = code('a')

/** Decimal digits, lowest first: sums are carried in this order, so a model can write as it adds. */
export const writeLowFirst = (m: Builder, text: Text, value: Word): void => {
  const rest = m.variable(value)
  const more = m.variable(1)
  m.while(
    () => more,
    () => {
      text.character(rest.rem(10).add(ZERO))
      rest.set(rest.div(10))
      more.set(rest)
    },
  )
}

/** Two decimal digits of a number below 100. */
export const writeTwoDigits = (text: Text, value: Word): void => {
  text.character(value.div(10).add(ZERO))
  text.character(value.rem(10).add(ZERO))
}

/** 10 to the power of a small count. */
export const powerOfTen = (m: Builder, count: Word): Variable => {
  const value = m.variable(1)
  m.loop(count, () => value.set(value.mul(10)))
  return value
}

/** 0 to below `count` in an order that is drawn. */
export const order = (m: Builder, count: number): List => {
  const list = m.list(count)
  m.loop(count, (i) => list.set(i, i))
  m.shuffle(list)
  return list
}

/** Words that are 0, whatever was at their place. */
export const zeroes = (m: Builder, count: number): List => {
  const list = m.list(count)
  list.fill(0)
  return list
}

/** A word from 0 to below `count`. */
export const below = (m: Builder, count: Operand): Word =>
  m.draw(0, typeof count === 'number' ? count - 1 : count.sub(1))
