import { BEST } from '../game/rules.ts'
import { type ShownAnswers, voteFor } from '../game/votes.ts'
import type { Judgement } from './judgement.ts'

/** What a judge said of the answer that a seat gave first. */
export type HeardCritique = {
  readonly judge: number // its seat
  readonly subject: number // whose answer it judged
  readonly judgement: Judgement
}

/** What a participant knows of a task when it resolves it. */
export type Known = {
  readonly seat: number // its own
  readonly answers: ShownAnswers // first answers of all, by seat
  /** What its own model would answer now, such as its likeliest answer; it may be one that nobody gave. */
  readonly revision?: string
  /** How likely its own model thinks a text is right, 0 to 1; see `chanceOf`. */
  readonly own: (answer: string) => number
  readonly critiques: readonly HeardCritique[]
  /** How far it trusts a seat's judgements, its own among them: see `trustOf`. */
  readonly trust: (seat: number) => number
}

/** An answer that somebody gave, or the own revision, by whom, and how likely it is right by all that was said of it. */
export type Candidate = {
  readonly text: string
  readonly seats: readonly number[] // none where it is a revision only
  readonly chance: number
}

export type Resolution = {
  /** The final answer: the likeliest of the first answers of all and the own revision; empty where there is none. */
  readonly text: string
  /** 1 + a seat: whoever else gave the likeliest answer that somebody else gave; 0 where nobody did. */
  readonly vote: number
}

/**
 * The different answers to a task, the likeliest first, of equals the one that more gave, then that of the lowest seat. A chance is the
 * mean of the own one and of what others said of that answer, weighted by trust (a linear opinion pool, Stone, 1961): no
 * judge can do more than its trust. The own one alone where nobody is trusted.
 */
export const candidatesOf = ({ seat, answers, revision, own, critiques, trust }: Known): Candidate[] => {
  const seatsOf = new Map<string, number[]>()
  for (const [at, answer] of answers.entries()) {
    if (answer === undefined || answer === '') continue
    seatsOf.set(answer, [...(seatsOf.get(answer) ?? []), at])
  }
  if (revision !== undefined && revision !== '' && !seatsOf.has(revision)) seatsOf.set(revision, [])
  return [...seatsOf]
    .map(([text, seats]) => {
      const said = critiques.filter(({ judge, subject }) => judge !== seat && seats.includes(subject))
      const mine = own(text)
      let [sum, weight] = [trust(seat) * mine, trust(seat)]
      for (const { judge, judgement } of said) {
        sum += (trust(judge) * judgement) / BEST
        weight += trust(judge)
      }
      return { text, seats, chance: weight > 0 ? sum / weight : mine }
    })
    .sort(
      (a, b) =>
        b.chance - a.chance || b.seats.length - a.seats.length || (a.seats[0] ?? 0) - (b.seats[0] ?? 0),
    )
}

/** What a participant answers at last and which answer it predicts to win, from what it and others think of first answers. */
export const resolveTask = (known: Known): Resolution => {
  const candidates = candidatesOf(known)
  // Nobody votes for itself.
  const voted = candidates.find(({ seats }) => seats.some((seat) => seat !== known.seat))
  return {
    text: candidates[0]?.text ?? '',
    vote: voted === undefined ? 0 : voteFor(known.answers, voted.text, known.seat),
  }
}

/** The seat whose answer most weight of votes is for, the lowest of several, as `pointsOf` has it; undefined where none weighs anything. */
export const seatWithMost = (votes: readonly number[], weights: readonly number[]): number | undefined => {
  const sums = votes.map(() => 0)
  for (const [seat, vote] of votes.entries()) if (vote > 0) sums[vote - 1]! += weights[seat]!
  const most = Math.max(0, ...sums)
  return most > 0 ? sums.indexOf(most) : undefined
}
