import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  characterCoding,
  decodeLocalState,
  families,
  familyTable,
  type LocalPlan,
  type Measure,
  type Method,
  makeMetaModels,
  parametersIn,
} from '@lockstep/swarm'
import { type Tensor, unwrap } from '@lockstep/tensor'
import type { Row } from '../row.ts'
import { hashOf } from './kept.ts'
import { planOf, type RunResult, runSwarm, type Trial } from './run.ts'
import type { Piece, Section, Work } from './section.ts'
import { seedsRow } from './seeds.ts'
import { settingOf } from './setting.ts'
import { trialOf } from './sharing.ts'
import { startOf } from './start.ts'

const table = familyTable(families)
/** Of participants that learned alone, and of ones that shared. */
const SWARMS = ['8/0', '4/4'] as const

/** Of each kind, for either purpose. */
const TASKS = 32

/** A swarm at its end, and what is made of its participants. */
type Merging = Piece & { readonly trial: Trial; readonly measure: Measure; readonly methods: Named }
type Named = readonly { readonly name: string; readonly method: Method }[]

/** Held-out rewards: of every participant, of the one that does best on the validation tasks, and of each method. */
type Merged = {
  readonly members: readonly number[]
  readonly best: number
  readonly methods: readonly { readonly reward: number; readonly taken: number }[]
}

/**
 * The meta-model of each swarm of the sharing sweep, by every method, beside its participants, on held-out tasks. Who is
 * taken in, and who is best, is decided on other tasks. Parts of it that are kept are not done again.
 */
export const section: Section = async ({ quick, tell, folderOf, results }) => {
  const { regime, seeds } = settingOf(quick)
  const methods = methodsOf(quick)
  const measure = (seed: number): Measure => ({
    ...{ kinds: regime.kinds, validation: TASKS, heldOut: TASKS, reward: 'right', temperature: 1, seed },
  })
  const trials = SWARMS.flatMap((sharing) => seeds.map((seed) => trialOf(regime, sharing, seed)))
  await results<Trial, RunResult>(folderOf(regime), trials, 'sharing')
  const found = await results<Merging, Merged>(
    folderOf({ regime, methods, tasks: TASKS }),
    trials.map((trial) => ({ name: trial.name, trial, measure: measure(trial.seed), methods })),
  )
  tell('measured by', `${TASKS * regime.kinds.length} held-out tasks; who is taken in, by as many others`)
  return SWARMS.flatMap((sharing, s): Row[] => {
    const swarms = found.slice(s * seeds.length, (s + 1) * seeds.length)
    const row = (what: string, value: (one: Merged) => number, unit = 'of 1'): Row =>
      seedsRow(`${sharing}: ${what}`, unit, seeds, swarms.map(value))
    return [
      row('mean participant', ({ members }) => members.reduce((a, b) => a + b, 0) / members.length),
      row('best participant', ({ best }) => best),
      ...methods.flatMap(({ name, method }, m) => [
        row(name, (one) => one.methods[m]!.reward),
        row(`${name}, more than the best participant`, (one) => one.methods[m]!.reward - one.best),
        ...(method.kind === 'distil'
          ? [row(`${name}, answers`, (one) => one.methods[m]!.taken, 'answers')]
          : method.choice === 'greedy'
            ? [row(`${name}, taken in`, (one) => one.methods[m]!.taken, 'participants')]
            : []),
      ]),
    ]
  })
}

export const work: Work<Merging, Merged> = async (executor, folder, { trial, measure, methods }) => {
  const { regime, seed, local, external } = trial
  const { model, prompt, answer, train } = regime
  const swarms = join(dirname(folder), hashOf(regime))
  const file = join(swarms, `${trial.name}.state`)
  if (!existsSync(file)) await runSwarm(executor, swarms, trial)
  const start = await startOf(executor, swarms, regime, seed)
  const plan: LocalPlan = {
    ...planOf(regime, seed, local, external),
    builds: [{ model, coding: characterCoding, start, prompt, answer, train }],
    members: new Array<number>(regime.members).fill(0),
  }
  const bytes = readFileSync(file)
  const { members, round } = unwrap(decodeLocalState(plan, bytes.subarray(4 + bytes.readUInt32BE(0))))
  const made = await makeMetaModels(
    executor,
    {
      ...{ swarm: null, families: table, measure, base: start },
      builds: [{ model, coding: characterCoding, prompt, answer }],
      members: members.map((state: readonly Tensor[], m) => ({
        ...{
          name: `participant ${m}`,
          build: 0,
          round,
          receipts: [],
          parameters: parametersIn(model, state),
        },
      })),
    },
    methods.map(({ method }) => method),
  )
  const { members: measured, tasks } = made[0]!.lineage
  const reward = (points: number): number => points / tasks.heldOut / 100
  const best = measured.reduce((a, b) => (b.validation > a.validation ? b : a))
  return {
    members: measured.map(({ heldOut }) => reward(heldOut)),
    best: reward(best.heldOut),
    methods: made.map(({ lineage: { made: by, result } }) => ({
      reward: reward(result.heldOut),
      taken: by.kind === 'taught' ? by.rows : by.weights.reduce((a, b) => a + b, 0),
    })),
  }
}

const methodsOf = (quick: boolean): Named => {
  const ties = { kind: 'ties', build: 0, keep: 200, scale: 1000 } as const
  const taught = { build: 0, answers: 'members', keep: 'right', tasks: quick ? 256 : 1024 } as const
  const distil = { kind: 'distil', ...taught } as const
  const train = { batch: 64, warmup: 10 }
  return [
    { name: 'uniform soup', method: { kind: 'average', build: 0, choice: 'all' } },
    { name: 'greedy soup', method: { kind: 'average', build: 0, choice: 'greedy' } },
    { name: 'TIES', method: { ...ties, choice: 'all' } },
    { name: 'greedy TIES', method: { ...ties, choice: 'greedy' } },
    {
      name: 'best participant, taught right answers of all',
      method: { ...distil, start: 'best', train: { ...train, steps: quick ? 40 : 100, rate: 1e-3 } },
    },
    {
      name: 'untrained student, taught right answers of all',
      method: { ...distil, start: 'fresh', train: { ...train, steps: quick ? 100 : 300, rate: 3e-3 } },
    },
  ]
}
