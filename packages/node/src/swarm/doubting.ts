import type { Hex } from '@lockstep/proof'
import { unpackBytes } from '@lockstep/swarm'
import { textsRoot } from './arithmetic.ts'
import type { Doubt } from './duties.ts'
import { ANSWER, type Inside, RESOLVE } from './inside.ts'
import type { RoundView } from './view.ts'

/** Says which claimed scores are false, of those whose answers were heard; each seat is computed once. */
export const openDoubting = (
  inside: Pick<Inside, 'view' | 'account' | 'hearing' | 'arithmetic' | 'manifest'>,
): (() => Doubt[]) => {
  const { account, hearing, arithmetic, manifest } = inside
  const known = new Map<string, readonly Doubt[]>()
  const falseScores = (
    round: RoundView,
    seat: number,
    stage: number,
    { root, scores }: { readonly root: Hex; readonly scores: Hex },
    answers: readonly string[],
  ): Doubt[] => {
    if (textsRoot(answers) !== root.toLowerCase()) return []
    const claimed = unpackBytes(scores, manifest.rounds.tasks)
    return arithmetic
      .tasksOf(round)
      .flatMap((one, task) =>
        arithmetic.scoreOf(one, answers[task]!) === claimed[task]
          ? []
          : [{ round: round.round, seat, stage, task }],
      )
  }
  return () =>
    inside.view().rounds.flatMap((round) =>
      round.settled
        ? []
        : [...round.entries].flatMap(([seat, { account: who, opened }]) =>
            [ANSWER, RESOLVE].flatMap((stage) => {
              const part = opened?.get(stage)
              const answers = hearing.answers(round.round, who, stage)
              if (part === undefined || answers === undefined || who === account) return []
              const key = `${round.round} ${seat} ${stage}`
              const found = known.get(key) ?? falseScores(round, seat, stage, part, answers)
              known.set(key, found)
              return found
            }),
          ),
    )
}
