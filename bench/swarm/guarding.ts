import { join } from 'node:path'
import { keep } from './kept.ts'
import { type Line, plotLines } from './plot.ts'
import { type RunResult, runSwarm, type Trial } from './run.ts'
import type { Section, Work } from './section.ts'
import { moreRow, seedsRow } from './seeds.ts'
import { GUARDED, SHARING, type Sharing, settingOf } from './setting.ts'
import { cumulative, last, trialOf } from './sharing.ts'

/** What the reference (arXiv 2509.08721) reports for 4/4: nearly twice the reward of 8/0. */
const REFERENCE = 0.94

/**
 * The sharing sweep with the rules of a swarm on the chain, whose participants do not trust each other: beside 8/0, which the
 * rules do not touch since it learns from nobody else, and beside the sweep without them, on the same seeds.
 */
export const section: Section = async ({ quick, tell, folderOf, results }) => {
  const { regime, seeds } = settingOf(quick)
  const folder = folderOf(regime)
  const sweep = (sharing: Sharing): Promise<RunResult[]> =>
    results<Trial, RunResult>(
      folder,
      seeds.map((seed) => trialOf(regime, sharing, seed)),
      'sharing',
    )
  const alone = await sweep('8/0')
  const half = regime.rounds / 2
  const untilHalf = ({ evaluations }: RunResult): number =>
    evaluations.reduce((sum, { round, reward }) => sum + (round <= half ? reward : 0), 0)
  const lines: Line[] = [lineOf('8/0', alone)]
  const rows = []
  for (const sharing of SHARING.filter((one) => one !== '8/0')) {
    const trials = seeds.map((seed): Trial => {
      const trial = trialOf(regime, sharing, seed)
      return { ...trial, name: `guarded-${trial.name}`, ...GUARDED }
    })
    const guarded = await results<Trial, RunResult>(folder, trials)
    const name = `${sharing}, guarded`
    const more = (of: (run: RunResult) => number, theirs: readonly RunResult[], what: string, unit: string) =>
      moreRow(`${name}: ${what}`, unit, seeds, guarded.map(of), theirs.map(of))
    const beside = more(cumulative, alone, 'more cumulative reward than 8/0', 'of 8/0')
    rows.push(
      seedsRow(`${name}: cumulative held-out reward`, 'sum of evaluations', seeds, guarded.map(cumulative)),
      seedsRow(`${name}: held-out reward at the end`, 'of 1', seeds, guarded.map(last)),
      sharing === '4/4' && !quick
        ? { ...beside, target: REFERENCE, met: (beside.ours ?? 0) >= REFERENCE }
        : beside,
      more(untilHalf, alone, `more until round ${half} than 8/0`, 'of 8/0'),
      more(cumulative, await sweep(sharing), 'more cumulative reward than unguarded', 'of unguarded'),
    )
    lines.push(lineOf(name, guarded))
  }
  const plot = join(folder, 'guarding.svg')
  const title = `8 participants that guard themselves, groups of their own / of others: mean and 95% over ${seeds.length} seeds`
  keep(
    plot,
    plotLines(
      title,
      'round (each writes 8 groups of 8 answers in a round)',
      'held-out tasks answered rightly (of 1)',
      lines,
    ),
  )
  tell('plot', plot)
  return rows
}

export const work: Work<Trial, RunResult> = runSwarm

const lineOf = (name: string, runs: readonly RunResult[]): Line => ({
  name,
  x: runs[0]!.evaluations.map(({ round }) => round),
  seeds: runs.map(({ evaluations }) => evaluations.map(({ reward }) => reward)),
})
