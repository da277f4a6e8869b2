import type { Hex } from '@lockstep/proof'
import {
  type Asked,
  BEST,
  type HeardCritique,
  type Judged,
  judgementOf,
  type Resolution,
  readCritique,
  resolveTask,
  type ShownAnswers,
  type SwarmTask,
  subjectOf,
  trustOf,
  writeCritique,
} from '@lockstep/swarm'
import { ANSWER, CRITIQUE, type Inside } from './inside.ts'
import type { ModelWork } from './model-work.ts'
import type { RoundView } from './view.ts'

type Round = Pick<RoundView, 'round' | 'seed' | 'seats' | 'entries'>

/** What a participant says in the later stages of a round, from what it has heard of the first answers. */
export type Critic = {
  /**
   * For each task 1 + what the judged answer is thought to score, 0 where none was heard; and the critiques' texts, empty where
   * there is none.
   */
  readonly critique: (
    round: Round,
    seat: number,
  ) => Promise<{ readonly scores: readonly number[]; readonly texts: readonly string[] | undefined }>
  /** For each task the final answer and the vote. */
  readonly resolve: (round: Round, seat: number) => Promise<readonly Resolution[]>
}

/** What a seat has said in a stage; undefined where that was not heard. */
const textsIn =
  ({ account, own, hearing }: Pick<Inside, 'account' | 'own' | 'hearing'>) =>
  (round: Round, seat: number, stage: number): readonly string[] | undefined => {
    const who = round.entries.get(seat)?.account
    if (who === undefined) return undefined
    return who === account ? own.at(round)?.texts[stage] : hearing.answers(round.round, who, stage)
  }

/** By the families, which know what every answer scores: right, and no sign of a model that knows anything. */
export const openOracle = (inside: Pick<Inside, 'account' | 'arithmetic' | 'own' | 'hearing'>): Critic => {
  const { arithmetic } = inside
  const textsOf = textsIn(inside)
  return {
    critique: async (round, seat) => ({
      scores: arithmetic.tasksOf(round).map((task, i) => {
        const subject = subjectOf(round.seed, i, round.seats, seat)
        const answer = subject === undefined ? undefined : textsOf(round, subject, ANSWER)?.[i]
        return answer === undefined ? 0 : 1 + arithmetic.scoreOf(task, answer)
      }),
      texts: undefined,
    }),
    resolve: async (round, seat) =>
      arithmetic.tasksOf(round).map((task, i) => {
        let [best, text, vote, most] = [-1, '', 0, 0]
        const others = Array.from({ length: round.seats }, (_, at) => at).filter((at) => at !== seat)
        for (const at of [seat, ...others]) {
          const answer = textsOf(round, at, ANSWER)?.[i]
          if (answer === undefined) continue
          const score = arithmetic.scoreOf(task, answer)
          if (score > best) [best, text] = [score, answer]
          if (at !== seat && score > most) [vote, most] = [at + 1, score]
        }
        return { text, vote }
      }),
  }
}

/** Of one account, what it said lately. */
const MOST_HISTORY = 512

/**
 * By the participant's model. An answer that is likelier right than wrong is said to score 100, another 0. Trust in others'
 * critiques comes from those that were heard in earlier rounds, since this was opened: whoever starts anew goes by its
 * own model until it has heard some.
 */
export const openCritic = (
  inside: Pick<Inside, 'account' | 'arithmetic' | 'families' | 'own' | 'hearing'>,
  model: Pick<ModelWork, 'judge' | 'likeliest'>,
): Critic => {
  const { account, arithmetic, families, own, hearing } = inside
  const textsOf = textsIn(inside)
  const promptOf = ({ family, seed, level }: SwarmTask): string =>
    families.get(family)!.play(seed, level).prompt
  const histories = new Map<Hex, readonly Judged[]>()
  let remembered = 0

  /** How likely the model thinks answers are right; of what it cannot read it thinks nothing. */
  const judge = async (
    round: Round,
    asked: readonly { readonly task: SwarmTask; readonly answer: string }[],
  ): Promise<number[]> => {
    const groups = [
      ...(own.at(round)?.groups ?? []),
      ...hearing.groups(round.round).filter(({ participant }) => participant !== account),
    ].map(({ group }) => group)
    const read = asked.map(({ task, answer }): Asked => ({ prompt: promptOf(task), answer }))
    return [...(await model.judge(read, groups))]
  }

  /** What the model holds likeliest; empty where it cannot read the prompt, or others could not read the answer. */
  const likeliest = (tasks: readonly SwarmTask[]): Promise<readonly string[]> =>
    model.likeliest(tasks.map(promptOf))

  /** What was said of a task's answers, by the seats that were heard. */
  const critiquesOf = (round: Round, task: number): HeardCritique[] =>
    Array.from({ length: round.seats }, (_, seat) => seat).flatMap((seat) => {
      const said = readCritique(textsOf(round, seat, CRITIQUE)?.[task] ?? '')
      const subject = subjectOf(round.seed, task, round.seats, seat)
      return said === undefined || subject === undefined
        ? []
        : [{ judge: seat, subject, judgement: said.judgement }]
    })

  /** Keeps what was said in a round beside what the judged answers score, which later rounds are resolved with. */
  const remember = (round: Round, answers: readonly ShownAnswers[]): void => {
    if (round.round <= remembered) return
    remembered = round.round
    for (const [i, task] of arithmetic.tasksOf(round).entries())
      for (const { judge: seat, subject, judgement } of critiquesOf(round, i)) {
        const answer = answers[i]![subject]
        const who = round.entries.get(seat)?.account
        if (answer === undefined || who === undefined) continue
        const right = arithmetic.scoreOf(task, answer) === BEST
        histories.set(who, [...(histories.get(who) ?? []), { judgement, right }].slice(-MOST_HISTORY))
      }
  }

  return {
    critique: async (round, seat) => {
      const tasks = arithmetic.tasksOf(round)
      const judged = tasks.flatMap((task, i) => {
        const subject = subjectOf(round.seed, i, round.seats, seat)
        const answer = subject === undefined ? undefined : textsOf(round, subject, ANSWER)?.[i]
        return answer === undefined ? [] : [{ i, task, answer }]
      })
      const chances = await judge(round, judged)
      const scores = tasks.map(() => 0)
      const texts = tasks.map(() => '')
      for (const [at, { i }] of judged.entries()) {
        const judgement = judgementOf(chances[at]!)
        scores[i] = 1 + (2 * judgement >= BEST ? BEST : 0)
        texts[i] = writeCritique({ judgement, explanation: own.at(round)?.texts[ANSWER]?.[i] ?? '' })
      }
      return { scores, texts }
    },

    resolve: async (round, seat) => {
      const tasks = arithmetic.tasksOf(round)
      const seats = Array.from({ length: round.seats }, (_, at) => at)
      const answers = tasks.map((_, i): ShownAnswers => seats.map((at) => textsOf(round, at, ANSWER)?.[i]))
      const revisions = await likeliest(tasks)
      const asked = tasks.flatMap((task, i) =>
        [...new Set([...answers[i]!, revisions[i]])].flatMap((answer) =>
          answer === undefined ? [] : [{ i, task, answer }],
        ),
      )
      const chances = await judge(round, asked)
      const trusts = seats.map((at) => trustOf(histories.get(round.entries.get(at)?.account as Hex) ?? []))
      const resolutions = tasks.map((_, i) => {
        const own = new Map(asked.flatMap((one, at) => (one.i === i ? [[one.answer, chances[at]!]] : [])))
        return resolveTask({
          ...{ seat, answers: answers[i]!, revision: revisions[i]!, critiques: critiquesOf(round, i) },
          own: (answer) => own.get(answer) ?? 0,
          trust: (at) => trusts[at] ?? 0,
        })
      })
      remember(round, answers)
      return resolutions
    },
  }
}
