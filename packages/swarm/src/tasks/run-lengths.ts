import type { Builder } from '../machine/builder.ts'
import type { Word } from '../machine/word.ts'
import { type Family, family } from './family.ts'
import { scoreAligned } from './marks.ts'
import { A, ZERO } from './writing.ts'

/** Draws runs of letters, no two neighbours with the same; a second level adds a run. */
const runs = (m: Builder, each: (letter: Word, length: Word) => void): void => {
  const last = m.variable(m.draw(0, 25))
  m.loop(m.level.div(2).add(2), () => {
    last.set(last.add(m.draw(1, 25)).rem(26))
    each(last.add(A), m.draw(1, m.level.div(2).add(2).min(6)))
  })
}

/** `rle aaabb=` -> `3a2b`. */
export const runLengthCoding: Family = family({
  name: 'run-length-coding',
  about: 'Write runs of letters as counts.',
  levels: 16,
  write: (m) => {
    m.prompt.write('rle ')
    runs(m, (letter, length) => {
      m.loop(length, () => m.prompt.character(letter))
      m.solution.character(length.add(ZERO))
      m.solution.character(letter)
    })
    m.prompt.write('=')
    scoreAligned(m)
  },
})

/** `rld 3a2b=` -> `aaabb`. */
export const runLengthDecoding: Family = family({
  name: 'run-length-decoding',
  about: 'Write counts as runs of letters.',
  levels: 16,
  write: (m) => {
    m.prompt.write('rld ')
    runs(m, (letter, length) => {
      m.prompt.character(length.add(ZERO))
      m.prompt.character(letter)
      m.loop(length, () => m.solution.character(letter))
    })
    m.prompt.write('=')
    scoreAligned(m)
  },
})
