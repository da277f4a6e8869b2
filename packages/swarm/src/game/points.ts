import type { Hex } from '@lockstep/proof'
import { shiftOf } from './drawn.ts'
import { BEST, type Weights } from './rules.ts'

/** What a seat did in a round that counts, one integer for each task. */
export type Play = {
  /** Scores of the first answers, 0 to 100; undefined without a submission in that stage. */
  readonly answers?: readonly number[]
  /** 1 + what it judged its subject's answer to score; 0 for no judgement. */
  readonly judgements?: readonly number[]
  /** Scores of the final answers. */
  readonly finals?: readonly number[]
  /** 1 + the seat whose answer it predicts to win; 0 for none. */
  readonly votes?: readonly number[]
}

/** A participant's points, and what they are made of. */
export type Points = {
  readonly answer: number
  readonly critique: number
  readonly prediction: number
  readonly resolve: number
  readonly propose: number
  readonly total: number
}

export type Outcome = {
  /** Of each seat; undefined where nothing of it stands. */
  readonly points: readonly (Points | undefined)[]
  /** For each task 1 + the seat whose answer won the vote, or 0: the resolved answer is that seat's first one. */
  readonly winners: readonly number[]
  readonly total: number
}

const at = (values: readonly number[] | undefined, task: number): number => values?.[task] ?? 0

/**
 * The arithmetic of a round; the same as SwarmRewards.sol, on the same golden vectors. Of each task:
 *
 * - a vote weighs what the voter's own first answers score in this round, all tasks together, so an identity that
 *   solves nothing weighs nothing. The answer of the seat with the most weight wins, the lowest seat of several. A vote
 *   for a seat that has no standing answer is lost.
 * - answer: weight x the score of the first answer; resolve: weight x the score of the final one
 * - critique: weight x 100 where the judgement is what the subject's answer scores
 * - prediction: weight x 100 where the vote is for the answer that won, and that answer is right (scores 100)
 * - propose (not on the chain): weight x 400 r w / n^2, rounded down, where r of the n others who answered are right
 *   (score 100) and w are not: most for a task that half of them solve, nothing for one that all or none do
 *
 * @param plays One for each seat; undefined where nothing of it stands
 * @param proposers For each task the seat that has proposed it, where one has
 */
export const pointsOf = (
  seed: Hex,
  weights: Weights,
  tasks: number,
  plays: readonly (Play | undefined)[],
  proposers: readonly (number | undefined)[] = [],
): Outcome => {
  const seats = plays.length
  const power = plays.map((play) =>
    (play?.answers ?? []).slice(0, tasks).reduce((sum, score) => sum + score, 0),
  )
  const sums = plays.map(() => ({ answer: 0, critique: 0, prediction: 0, resolve: 0, propose: 0 }))
  const winners: number[] = []
  for (let task = 0; task < tasks; task++) {
    const winner = winnerOf(plays, power, task)
    winners.push(winner)
    const right = winner !== 0 && at(plays[winner - 1]?.answers, task) === BEST
    const shift = shiftOf(seed, task, seats)
    plays.forEach((play, seat) => {
      if (play === undefined) return
      const sum = sums[seat]!
      sum.answer += weights.answer * at(play.answers, task)
      sum.resolve += weights.resolve * at(play.finals, task)
      const judged = at(play.judgements, task)
      const subject = plays[(seat + shift) % seats]?.answers
      if (judged !== 0 && shift !== 0 && subject !== undefined && at(subject, task) + 1 === judged)
        sum.critique += weights.critique * BEST
      if (right && at(play.votes, task) === winner) sum.prediction += weights.prediction * BEST
    })
    const proposer = proposers[task]
    if (proposer !== undefined && plays[proposer] !== undefined) {
      const scores = plays.flatMap((play, seat) =>
        play?.answers === undefined || seat === proposer ? [] : [at(play.answers, task)],
      )
      const solved = scores.filter((score) => score === BEST).length
      const n = scores.length
      if (n > 0)
        sums[proposer]!.propose += Math.floor(
          ((weights.propose ?? 0) * 4 * BEST * solved * (n - solved)) / (n * n),
        )
    }
  }
  const points = plays.map((play, seat) => {
    if (play === undefined) return undefined
    const sum = sums[seat]!
    const total = sum.answer + sum.critique + sum.prediction + sum.resolve + sum.propose
    return { ...sum, total }
  })
  return { points, winners, total: points.reduce((sum, one) => sum + (one?.total ?? 0), 0) }
}

const winnerOf = (plays: readonly (Play | undefined)[], power: readonly number[], task: number): number => {
  const weight = plays.map(() => 0)
  plays.forEach((play, seat) => {
    const vote = at(play?.votes, task)
    if (vote !== 0 && vote <= plays.length) weight[vote - 1]! += power[seat]!
  })
  let winner = 0
  let most = 0
  weight.forEach((sum, seat) => {
    if (sum <= most || plays[seat]?.answers === undefined) return
    most = sum
    winner = seat + 1
  })
  return winner
}

/** What each seat is paid: its part of the reward by points, rounded down; what is left stays in the escrow. */
export const payouts = (reward: bigint, { points, total }: Outcome): readonly bigint[] =>
  points.map((one) =>
    one === undefined || one.total === 0 ? 0n : (reward * BigInt(one.total)) / BigInt(total),
  )
