import { type RunResult, runSwarm, type Trial } from './run.ts'
import type { Section, Work } from './section.ts'
import { moreRow, seedsRow } from './seeds.ts'
import { settingOf } from './setting.ts'
import { cumulative, last, trialOf } from './sharing.ts'

/** Sharing 4/4 where groups are chosen by usefulness, and where each is as likely as another. */
export const section: Section = async ({ quick, folderOf, results }) => {
  const { regime, seeds } = settingOf(quick)
  const folder = folderOf(regime)
  const trials = seeds.map((seed) => trialOf(regime, '4/4', seed))
  const useful = await results<Trial, RunResult>(folder, trials, 'sharing')
  const uniform = await results<Trial, RunResult>(
    folder,
    trials.map((trial) => ({ ...trial, name: `uniform-${trial.name}`, choosing: 'uniform' as const })),
  )
  return [
    seedsRow('4/4 useful: cumulative held-out reward', 'sum of evaluations', seeds, useful.map(cumulative)),
    seedsRow('4/4 uniform: cumulative held-out reward', 'sum of evaluations', seeds, uniform.map(cumulative)),
    seedsRow('4/4 useful: held-out reward at the end', 'of 1', seeds, useful.map(last)),
    seedsRow('4/4 uniform: held-out reward at the end', 'of 1', seeds, uniform.map(last)),
    moreRow(
      'useful: more cumulative reward than uniform',
      'of uniform',
      seeds,
      useful.map(cumulative),
      uniform.map(cumulative),
    ),
  ]
}

export const work: Work<Trial, RunResult> = runSwarm
