import { type Family, family } from './family.ts'

/** `sort 3 1 2` is answered with `1 2 3`: level + 2 digits. */
export const sorting: Family = family({
  name: 'sorting',
  about: 'Put digits in ascending order.',
  levels: 10,
  write: (m) => {
    const count = m.level.add(2)
    const digits = m.list(12)
    m.prompt.write('sort')
    m.loop(count, (i) => {
      const digit = m.draw(0, 9)
      digits.set(i, digit)
      m.prompt.write(' ', digit)
    })
    m.sort(digits, count)
    m.loop(count, (i) => {
      m.when(i, () => m.solution.write(' '))
      m.solution.write(digits.at(i))
    })
    m.scoreAgreement()
  },
})
