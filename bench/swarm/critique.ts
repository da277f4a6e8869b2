import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { characterCoding, decodeLocalState, type LocalPlan, parametersIn } from '@lockstep/swarm'
import { type Tensor, unwrap } from '@lockstep/tensor'
import type { Row } from '../row.ts'
import { interval } from './interval.ts'
import { type Behind, type Judged, judgeAll } from './judging.ts'
import { keep } from './kept.ts'
import { plotBars } from './plot-bars.ts'
import { CRITICS, resolvedBy, unjudged } from './resolving.ts'
import { planOf, type RunResult, type Trial } from './run.ts'
import type { Piece, Section, Work } from './section.ts'
import { seedsRow } from './seeds.ts'
import { type Regime, settingOf } from './setting.ts'
import { trialOf } from './sharing.ts'
import { startOf } from './start.ts'

/**
 * What judging by models is worth on held-out tasks: right answers among first ones, by plain majority, and resolved by
 * participants who judge by their models alone. Once with the models that the sharing sweep begins with, and once with
 * those that it ends with where 4 of 8 groups are others'. Scores of held-out tasks are used for nothing but the rows.
 */
export const section: Section = async ({ quick, tell, folderOf, results }) => {
  const { regime, seeds } = settingOf(quick)
  const behind = behindOf(quick)
  const from = folderOf(regime)
  const folder = folderOf({ regime, behind })
  await results<Trial, RunResult>(
    from,
    seeds.map((seed) => trialOf(regime, '4/4', seed)),
    'sharing',
  )
  const pieces = WHEN.flatMap((when) =>
    seeds.map((seed): JudgingPiece => ({ name: `${when}-${seed}`, regime, behind, from, seed, when })),
  )
  const all = await results<JudgingPiece, Judged>(folder, pieces)
  tell('held-out tasks', `${all[0]!.now.length}, answered by ${all[0]!.now[0]!.bySeat.length} participants`)
  const found = WHEN.map((when, w) => figuresOf(when, all.slice(w * seeds.length, (w + 1) * seeds.length)))
  const plot = join(folder, 'critique.svg')
  keep(plot, plotOf(found))
  tell('plot', plot)
  const seconds = (of: keyof Judged['seconds']): string =>
    (all.reduce((sum, one) => sum + one.seconds[of], 0) / all.length).toFixed(1)
  tell(
    'seconds of a seed',
    `${seconds('answering')} answering, ${seconds('learning')} learning verdicts, ${seconds('reading')} reading`,
  )
  return found.flatMap(rowsOf)
}

/** Before the first round, or after the last one. */
const WHEN = ['start', 'shared'] as const
type When = (typeof WHEN)[number]
type JudgingPiece = Piece & {
  readonly regime: Regime
  readonly behind: Behind
  readonly from: string // the folder of the sweep
  readonly seed: number
  readonly when: When
}

const behindOf = (quick: boolean): Behind => ({
  rounds: quick ? 4 : 8,
  games: 96,
  heldOut: quick ? 12 : 8,
  rows: 2048,
  train: { batch: 32, steps: quick ? 100 : 150, warmup: 10, rate: 1e-3 },
})

export const work: Work<JudgingPiece, Judged> = async (executor, _, { regime, behind, from, seed, when }) => {
  const start = await startOf(executor, from, regime, seed)
  const policies =
    when === 'start' ? new Array(regime.members).fill(start) : sharedModels(from, regime, start, seed)
  return judgeAll(executor, regime, behind, policies, seed)
}

/** The parameters of each participant at the end of a run of the sweep. */
const sharedModels = (
  from: string,
  regime: Regime,
  start: readonly Tensor[],
  seed: number,
): (readonly Tensor[])[] => {
  const { model, prompt, answer, train, members } = regime
  const bytes = readFileSync(join(from, `${trialOf(regime, '4/4', seed).name}.state`))
  const plan: LocalPlan = {
    ...planOf(regime, seed, 4, 4),
    builds: [{ model, coding: characterCoding, start, prompt, answer, train }],
    members: new Array<number>(members).fill(0),
  }
  const state = unwrap(decodeLocalState(plan, bytes.subarray(4 + bytes.readUInt32BE(0))))
  return state.members.map((tensors) => parametersIn(model, tensors))
}

const TITLES: { readonly [when in When]: string } = { start: 'at the start', shared: 'after sharing 4/4' }

type Figures = {
  readonly when: When
  readonly seeds: readonly number[]
  /** Accuracies, a value of each seed. */
  readonly accuracies: readonly { readonly what: string; readonly values: readonly number[] }[]
  readonly others: readonly {
    readonly what: string
    readonly unit: string
    readonly values: readonly number[]
  }[]
}

const figuresOf = (when: When, all: readonly Judged[]): Figures => {
  const plain = all.map(unjudged)
  const by = (judging: Parameters<typeof resolvedBy>[1], critics: Parameters<typeof resolvedBy>[2]) =>
    all.map((judged) => resolvedBy(judged, judging, critics))
  const names = { likelihood: 'by likelihood', trained: 'by verdicts', both: 'by both' } as const
  const kinds = (['likelihood', 'trained', 'both'] as const).map((judging) => ({
    name: names[judging],
    resolved: by(judging, 'one judge'),
  }))
  return {
    when,
    seeds: all.map(({ seed }) => seed),
    accuracies: [
      { what: 'first answers, mean participant', values: plain.map(({ first }) => first) },
      { what: 'first answers, best participant', values: plain.map(({ best }) => best) },
      { what: 'plain majority of first answers', values: plain.map(({ majority }) => majority) },
      { what: 'likeliest answers, mean participant', values: plain.map(({ likeliest }) => likeliest) },
      ...kinds.flatMap(({ name, resolved }) => [
        { what: `final answers ${name}`, values: resolved.map(({ finals }) => finals) },
        {
          what: `final answers ${name}, or the own likeliest`,
          values: resolved.map(({ revised }) => revised),
        },
        { what: `resolved by votes ${name}`, values: resolved.map(({ game }) => game) },
      ]),
      { what: 'some first answer is right', values: plain.map(({ any }) => any) },
    ],
    others: [
      ...kinds.flatMap(({ name, resolved }) => [
        {
          ...{ what: `resolved ${name} less first`, unit: 'of 1' },
          values: resolved.map(({ game }, i) => game - plain[i]!.first),
        },
        {
          ...{ what: `resolved ${name} less majority`, unit: 'of 1' },
          values: resolved.map(({ game }, i) => game - plain[i]!.majority),
        },
        {
          ...{ what: `resolved ${name} less likeliest`, unit: 'of 1' },
          values: resolved.map(({ game }, i) => game - plain[i]!.likeliest),
        },
        {
          ...{ what: `right and wrong told apart ${name}`, unit: 'of pairs' },
          values: resolved.map(({ told }) => told),
        },
      ]),
      ...CRITICS.map((critics) => ({
        ...{ what: `final answers by likelihood, hearing ${critics}`, unit: 'of 1' },
        values: by('likelihood', critics).map(({ finals }) => finals),
      })),
    ],
  }
}

const rowsOf = ({ when, seeds, accuracies, others }: Figures): Row[] =>
  [...accuracies.map((one) => ({ ...one, unit: 'of 1' })), ...others].map(({ what, unit, values }) =>
    seedsRow(`${TITLES[when]}: ${what}`, unit, seeds, values),
  )

const plotOf = (found: readonly Figures[]): string =>
  plotBars(
    `Right answers to held-out tasks, mean and 95% over ${found[0]!.seeds.length} seeds`,
    found.map(({ when, accuracies }) => ({
      name: TITLES[when],
      bars: accuracies.map(({ what, values }) => ({ what, ...interval(values) })),
    })),
  )
