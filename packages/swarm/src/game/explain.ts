import { type Outcome, payouts } from './points.ts'
import { BEST, type Weights } from './rules.ts'

/** The arithmetic of a round's rewards, line by line: what each seat earned, with what, and why the rest did not. */
export const explainRound = (
  weights: Weights,
  reward: bigint,
  outcome: Outcome,
  nameOf: (seat: number) => string = (seat) => `seat ${seat}`,
): readonly string[] => {
  const paid = payouts(reward, outcome)
  const lines = [
    `reward ${reward}, ${outcome.total} points in all; an answer's score x ${weights.answer}, a right judgement ${BEST * weights.critique}, ` +
      `a right prediction ${BEST * weights.prediction}, a final answer's score x ${weights.resolve}`,
  ]
  outcome.winners.forEach((winner, task) => {
    lines.push(
      winner === 0
        ? `task ${task}: no vote weighed anything`
        : `task ${task}: the answer of ${nameOf(winner - 1)} won the vote`,
    )
  })
  outcome.points.forEach((points, seat) => {
    if (points === undefined) {
      lines.push(`${nameOf(seat)}: nothing that stands, 0`)
      return
    }
    const parts = (['answer', 'critique', 'prediction', 'resolve', 'propose'] as const)
      .filter((part) => points[part] > 0)
      .map((part) => `${part} ${points[part]}`)
    lines.push(
      `${nameOf(seat)}: ${parts.join(' + ') || '0'} = ${points.total} points; ` +
        `${reward} x ${points.total} / ${outcome.total}, rounded down, = ${paid[seat]}`,
    )
  })
  lines.push(`left in the escrow: ${reward - paid.reduce((sum, amount) => sum + amount, 0n)}`)
  return lines
}
