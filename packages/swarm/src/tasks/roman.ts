import type { Builder } from '../machine/builder.ts'
import type { Text } from '../machine/text.ts'
import type { Word } from '../machine/word.ts'
import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'

const SIGNS: readonly (readonly [value: number, sign: string])[] = [
  [1000, 'm'],
  [900, 'cm'],
  [500, 'd'],
  [400, 'cd'],
  [100, 'c'],
  [90, 'xc'],
  [50, 'l'],
  [40, 'xl'],
  [10, 'x'],
  [9, 'ix'],
  [5, 'v'],
  [4, 'iv'],
  [1, 'i'],
]

const writeRoman = (m: Builder, text: Text, value: Word): void => {
  const rest = m.variable(value)
  for (const [worth, sign] of SIGNS) {
    m.while(
      () => rest.ge(worth),
      () => {
        text.write(sign)
        rest.decrease(worth)
      },
    )
  }
}

/** 1 to 60 at level 0, to 3,885 at level 15. */
const number = (m: Builder): Word => m.draw(1, m.level.mul(m.level).mul(17).add(60))

/** `rom 14=` -> `xiv`. */
export const toRoman: Family = family({
  name: 'to-roman',
  about: 'Write a number with Roman numerals.',
  levels: 16,
  write: (m) => {
    const value = number(m)
    m.prompt.write('rom ')
    m.prompt.write(value)
    m.prompt.write('=')
    writeRoman(m, m.solution, value)
    scoreAligned(m)
  },
})

/** `num xiv=` -> `14`. */
export const fromRoman: Family = family({
  name: 'from-roman',
  about: 'Read Roman numerals.',
  levels: 16,
  write: (m) => {
    const value = number(m)
    m.prompt.write('num ')
    writeRoman(m, m.prompt, value)
    m.prompt.write('=')
    m.solution.write(value)
    scoreAligned(m)
  },
})
