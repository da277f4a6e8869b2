import type { Builder } from '../machine/builder.ts'

/** Scores of tasks with one right answer. Squares keep small what is right by chance. */

/** 100 s²: s is the share of places, of the longer text's, where answer and solution have the same character. */
export const scoreAligned = (m: Builder): void => {
  const same = m.answer.agreement(m.solution)
  m.score(same.mul(same).div(100))
}

/** 100 (p/n)²: the first p characters are the solution's, n is the length of the longer text. */
export const scoreLeading = (m: Builder): void => {
  const right = m.variable(0)
  m.loop(m.solution.length.min(m.answer.length), (i, stop) => {
    m.when(m.solution.at(i).ne(m.answer.at(i)), stop)
    right.increase(1)
  })
  const length = m.solution.length.max(m.answer.length)
  m.score(right.mul(right).mul(100).div(length.mul(length)))
}
