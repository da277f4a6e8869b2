import type { Text } from '../machine/text.ts'
import type { Word } from '../machine/word.ts'
import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { code, writeTwoDigits } from './writing.ts'

const MONTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const YEAR = 365

/** `day 0314+20=` -> `0403`: month and day, in years of 365 days; from level 4 on backwards too. */
export const calendar: Family = family({
  name: 'calendar',
  about: 'Add days to a date.',
  levels: 16,
  write: (m) => {
    const months = m.list(12)
    MONTHS.forEach((days, month) => months.set(month, days))
    const write = (text: Text, dayOfYear: Word) => {
      const day = m.variable(dayOfYear)
      const month = m.variable(0)
      m.while(
        () => day.ge(months.at(month)),
        () => {
          day.decrease(months.at(month))
          month.increase(1)
        },
      )
      writeTwoDigits(text, month.add(1))
      writeTwoDigits(text, day.add(1))
    }
    const date = m.draw(0, YEAR - 1)
    const change = m.draw(1, m.level.mul(20).add(5))
    const back = m.draw(0, 1).and(m.level.ge(4))
    m.prompt.write('day ')
    write(m.prompt, date)
    m.prompt.character(m.choose(back, code('-'), code('+')))
    m.prompt.write(change)
    m.prompt.write('=')
    write(m.solution, m.choose(back, date.add(YEAR).sub(change), date.add(change)).rem(YEAR))
    scoreAligned(m)
  },
})
