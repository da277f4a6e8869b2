/**
 * Votes name seats, because the chain does not know which answers are equal. So that those who mean the same answer do
 * not split their votes, a vote names the lowest seat that gave it. Answers are first answers to one task, by seat;
 * undefined where a seat has shown none.
 */
export type ShownAnswers = readonly (string | undefined)[]

/** What to vote for as seat `own`, if this answer is thought to win: 1 + a seat, or 0 where nobody else gave it. */
export const voteFor = (answers: ShownAnswers, answer: string, own: number): number =>
  1 + answers.findIndex((shown, seat) => shown === answer && seat !== own)

/**
 * The plain majority, against which votes are measured: the answer given most often, empty ones left out; of several
 * the one of the lowest seat. Undefined where nobody has answered.
 */
export const pluralityOf = (answers: ShownAnswers): string | undefined => {
  const counts = new Map<string, number>()
  for (const answer of answers)
    if (answer !== undefined && answer !== '') counts.set(answer, (counts.get(answer) ?? 0) + 1)
  let most: readonly [answer: string | undefined, count: number] = [undefined, 0]
  // In the order of seats: a map keeps the order in which its keys came.
  for (const [answer, count] of counts) if (count > most[1]) most = [answer, count]
  return most[0]
}

/** The resolved answers of a round: for each task the winner's, undefined where nobody's vote weighed anything. */
export const resolvedAnswers = (
  winners: readonly number[],
  answers: readonly ShownAnswers[],
): readonly (string | undefined)[] =>
  winners.map((winner, task) => (winner === 0 ? undefined : answers[task]?.[winner - 1]))
