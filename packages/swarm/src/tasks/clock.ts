import type { Text } from '../machine/text.ts'
import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { code, writeTwoDigits } from './writing.ts'

const DAY = 1440

/** `clk 2350+25=` -> `0015`: a time of day and up to three changes in minutes; from level 3 on backwards too. */
export const clock: Family = family({
  name: 'clock',
  about: 'Add minutes to a time of day.',
  levels: 16,
  write: (m) => {
    const time = m.variable(m.draw(0, DAY - 1))
    const write = (text: Text) => {
      writeTwoDigits(text, time.div(60))
      writeTwoDigits(text, time.rem(60))
    }
    const bound = m.level.mul(60).add(20)
    m.prompt.write('clk ')
    write(m.prompt)
    m.loop(m.level.div(6).add(1), () => {
      const change = m.draw(1, bound)
      const back = m.draw(0, 1).and(m.level.ge(3))
      m.prompt.character(m.choose(back, code('-'), code('+')))
      m.prompt.write(change)
      time.set(m.choose(back, time.add(DAY).sub(change), time.add(change)).rem(DAY))
    })
    m.prompt.write('=')
    write(m.solution)
    scoreAligned(m)
  },
})
