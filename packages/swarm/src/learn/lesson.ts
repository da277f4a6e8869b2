import { f32Tensor, type RowsType, u32Tensor } from '@lockstep/models'
import type { Tensor } from '@lockstep/tensor'
import type { Coding } from './coding.ts'
import { type Completion, promptTokens } from './generate.ts'
import { advantages, type Group } from './group.ts'

/** One answer to learn from: what was read, what was written, and how much better than its group it was. */
export type Lesson = {
  readonly prompt: Uint32Array
  readonly answer: Uint32Array
  readonly advantage: number
}

/**
 * The answers of a group as a participant's own tokens. Where the tokens as they were written are known, they are
 * learned; else the text is encoded anew, and ends where its writer ended it. Answers too long for the rows are left out.
 */
export const lessonsOf = (
  group: Group,
  coding: Coding,
  { prompt, answer }: { readonly prompt: number; readonly answer: number },
  written?: readonly Pick<Completion, 'tokens'>[],
): Lesson[] => {
  const read = promptTokens(coding, group.prompt, prompt)
  const better = advantages(group)
  return group.rollouts.flatMap(({ text, ended }, i) => {
    const tokens =
      written?.[i]?.tokens ?? Uint32Array.of(...coding.encode(text), ...(ended ? [coding.end] : []))
    if (tokens.length === 0 || tokens.length > answer) return []
    return [{ prompt: read, answer: tokens, advantage: better[i]! }]
  })
}

/**
 * What is learned of a group that another wrote: all answers, or only those that are better than their group's mean. Scores
 * can be recomputed, so an answer that is right is right whoever wrote it; what a stranger calls its mistakes may be
 * anything, chosen so that unlearning it does harm.
 */
export type OthersAnswers = 'whole' | 'better'

export const ofOthers = (lessons: readonly Lesson[], which: OthersAnswers): readonly Lesson[] =>
  which === 'whole' ? lessons : lessons.filter(({ advantage }) => advantage > 0)

/** Rows of tokens with the places that are learned, as programs over rows take them: `tokens`, `from`, `until`. Rows without a lesson count for nothing. */
export const rowTensors = (
  lessons: readonly (Pick<Lesson, 'prompt' | 'answer'> | undefined)[],
  { rows, length }: RowsType,
): [tokens: Tensor, from: Tensor, until: Tensor] => {
  if (lessons.length > rows)
    throw new RangeError(`${lessons.length} lessons; allowed: at most ${rows}, the rows of the program`)
  const tokens = new Uint32Array(rows * length)
  const [from, until] = [new Uint32Array(rows).fill(1), new Uint32Array(rows).fill(1)]
  for (const [r, lesson] of lessons.entries()) {
    if (lesson === undefined) continue
    const { prompt, answer } = lesson
    tokens.set(prompt, r * length)
    tokens.set(answer, r * length + prompt.length)
    from[r] = prompt.length
    until[r] = prompt.length + answer.length
  }
  return [u32Tensor([rows, length], tokens), u32Tensor([rows], from), u32Tensor([rows], until)]
}

/** The inputs of a policy update: the rows, their advantages, and what the policy thought of them before. */
export const policyInputs = (
  lessons: readonly (Lesson | undefined)[],
  rows: RowsType,
  old: Tensor,
): Tensor[] => {
  const advantage = new Float32Array(rows.rows)
  for (const [r, lesson] of lessons.entries()) advantage[r] = lesson?.advantage ?? 0
  return [...rowTensors(lessons, rows), f32Tensor([rows.rows], advantage), old]
}
