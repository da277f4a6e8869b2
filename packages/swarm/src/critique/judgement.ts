import { FaultError } from '@lockstep/tensor'
import { BEST } from '../game/rules.ts'
import { isPrintable } from '../learn/coding.ts'

/** How likely a judge thinks an answer is right, in hundredths: an integer, 0 to 100. */
export type Judgement = number

export const judgementOf = (chance: number): Judgement => Math.round(BEST * Math.min(1, Math.max(0, chance)))

/** What a participant says of somebody's answer: how likely it is right, and why. */
export type Critique = {
  readonly judgement: Judgement
  /**
   * Why: the answer that the judge's own model has given to the same task; empty where it had none. No more is
   * claimed: a reader sees where the two part (`partingOf`), and whether the judge knew anything better.
   */
  readonly explanation: string
}

/** The longest text of a critique: a judgement, a space, an answer. */
export const CRITIQUE_CHARACTERS = 96

const FORM = /^(0|[1-9]\d?|100) (.*)$/

/** A critique as text, as it is shared and committed to. An explanation that is too long is cut off. */
export const writeCritique = ({ judgement, explanation }: Critique): string => {
  const text = `${judgement} ${explanation}`
  if (Number.isInteger(judgement) && judgement >= 0 && judgement <= BEST && isPrintable(explanation))
    return text.slice(0, CRITIQUE_CHARACTERS)
  throw new FaultError({
    ...{ code: 'critique-malformed', field: 'critique', value: JSON.stringify(text.slice(0, 80)) },
    limit: 'an integer of 0 to 100 and printable ASCII',
    remedy: 'Round the judgement, and explain by an answer as its model wrote it.',
  })
}

/** Reads what somebody shared; undefined where it is no critique, an empty text above all, which says nothing. */
export const readCritique = (text: string): Critique | undefined => {
  const found = text.length <= CRITIQUE_CHARACTERS && isPrintable(text) ? FORM.exec(text) : null
  return found === null ? undefined : { judgement: Number(found[1]), explanation: found[2]! }
}

/** The place of the first character in which an explanation differs from the judged answer; undefined where none does. */
export const partingOf = (answer: string, explanation: string): number | undefined => {
  if (answer === explanation) return undefined
  const length = Math.min(answer.length, explanation.length)
  for (let at = 0; at < length; at++) if (answer[at] !== explanation[at]) return at
  return length
}
