import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parameterCount, parametersOf } from '@lockstep/models'
import { characterCoding, createGenerator, families } from '@lockstep/swarm'
import { createWasmExecutor, type Executor } from '@lockstep/tensor'
import { type Bench, figure, type Row } from './row.ts'
import { type Interval, interval } from './swarm/interval.ts'
import { plotLines } from './swarm/plot.ts'
import { type RunResult, runSharing, startOf } from './swarm/run.ts'
import { type Regime, regimeOf, SHARING, type Sharing } from './swarm/setting.ts'
import type { Piece } from './swarm/work.ts'

/**
 * What a swarm comes to. `sharing`: 8 participants that begin alike, with groups of their own only (8/0) and with some
 * of others' (6/2, 4/4, 2/6): the same tasks, the same number of generated groups, the same number of updates. Two
 * processes of one thread each do the runs; what is done is kept under runs/swarm/REGIME and gone on from. `--small` is
 * a fraction of it. The plot, sharing.svg, is beside the runs' files.
 */
export const bench: Bench = async ({ quick, tell, only }) => {
  for (const part of only ?? []) {
    if (part === 'sharing') continue
    console.error(`--only has ${part}; allowed: sharing.`)
    process.exit(2)
  }
  return sharing(quick, tell)
}

const sharing = async (
  quick: boolean,
  tell: (what: string, value: string | number) => void,
): Promise<Row[]> => {
  const regime = regimeOf(quick)
  // Results of another regime are others: what is kept is kept under what it was computed from.
  const name = createHash('sha256').update(JSON.stringify(regime)).digest('hex').slice(0, 12)
  const folder = join(import.meta.dirname, '..', 'runs', 'swarm', name)
  const started = performance.now()
  tell('participants', `${regime.members}, ${parameterCount(parametersOf(regime.model))} parameters each`)
  tell('a round', `${regime.groups} groups of ${regime.groupSize} answers each, ${regime.rounds} rounds`)
  tell('seeds', regime.seeds.join(', '))
  await inTwo(
    folder,
    quick,
    regime.seeds.map((seed) => ({ kind: 'start', seed })),
  )
  const runs = regime.seeds.flatMap((seed) =>
    SHARING.map((of): Piece => ({ kind: 'run', seed, sharing: of })),
  )
  await inTwo(folder, quick, runs)
  const executor = await createWasmExecutor()
  const results = new Map<Sharing, RunResult[]>()
  for (const of of SHARING) {
    const theirs: RunResult[] = []
    for (const seed of regime.seeds) theirs.push(await runSharing(executor, regime, folder, of, seed))
    results.set(of, theirs)
  }
  const speed = await generationRow(executor, regime, folder)
  await executor.close()
  tell('this call took', `${((performance.now() - started) / 1000).toFixed(0)} s`)
  const plot = join(folder, 'sharing.svg')
  writeFileSync(plot, plotOf(regime, results))
  tell('plot', plot)
  return [...SHARING.flatMap((of) => rowsOf(of, results.get(of)!, results.get('8/0')!)), speed]
}

/** Tokens a second of one participant's round of answers, on one thread: the best of three. */
const generationRow = async (executor: Executor, regime: Regime, folder: string): Promise<Row> => {
  const { model, prompt, answer, kinds, groups, groupSize } = regime
  const start = await startOf(executor, regime, folder, regime.seeds[0]!)
  const shape = { batch: 64, prompt, answer, temperature: 1 }
  const generator = await createGenerator(executor, model, start, characterCoding, shape)
  const { family, level } = kinds[0]!
  const asked = families.find(({ name }) => name === family)!.play(1, level).prompt
  const prompts = new Array<string>(groups * groupSize).fill(asked)
  let most = 0
  for (let time = 0; time < 3; time++) {
    const began = performance.now()
    const written = await generator.complete(start, prompts, time)
    const tokens = written.reduce((sum, one) => sum + one.tokens.length, 0)
    most = Math.max(most, (1000 * tokens) / (performance.now() - began))
  }
  generator.close()
  return figure(`answers to ${prompts.length} prompts side by side, one thread`, most, 'tokens/s')
}

/** Pieces done by two processes, each taking the next when it is done with one. */
const inTwo = async (folder: string, quick: boolean, pieces: readonly Piece[]): Promise<void> => {
  const left = [...pieces]
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = fork(join(import.meta.dirname, 'swarm', 'work.ts'), [folder, quick ? 'quick' : 'full'])
      const next = (): void => {
        const piece = left.shift()
        if (piece) child.send(piece)
        else child.disconnect()
      }
      child.on('message', next)
      child.on('exit', (code) =>
        code === 0 ? resolve() : reject(new Error(`a process of the sweep ended with ${code}`)),
      )
      next()
    })
  await Promise.all(Array.from({ length: Math.min(2, pieces.length) }, one))
}

/** The sum of a run's evaluations: what a participant would have earned on held-out tasks along the way. */
const cumulative = ({ evaluations }: RunResult): number =>
  evaluations.reduce((sum, { reward }) => sum + reward, 0)
const last = ({ evaluations }: RunResult): number => evaluations.at(-1)!.reward
const total =
  (of: (report: RunResult['reports'][number]) => readonly number[]) =>
  (run: RunResult): number =>
    run.reports.reduce((sum, report) => sum + of(report).reduce((a, b) => a + b, 0) / of(report).length, 0)

const shown = ({ low, high }: Interval, digits: number): string =>
  `${low.toFixed(digits)} to ${high.toFixed(digits)}`

const rowsOf = (of: Sharing, runs: readonly RunResult[], alone: readonly RunResult[]): Row[] => {
  const row = (what: string, unit: string, value: (run: RunResult) => number, digits = 3): Row => {
    const found = interval(runs.map(value))
    const seeds = runs.map(({ seed }) => seed)
    return { ...figure(`${of}: ${what}, 95% ${shown(found, digits)}`, found.mean, unit), ...found, seeds }
  }
  const gains = interval(runs.map((run, i) => cumulative(run) / cumulative(alone[i]!) - 1))
  const gained = interval(runs.map((run) => last(run) - run.evaluations[0]!.reward))
  const compared = {
    ...figure(`${of}: more cumulative reward than 8/0, 95% ${shown(gains, 3)}`, gains.mean, 'of 8/0'),
    ...gains,
    seeds: runs.map(({ seed }) => seed),
  }
  return [
    row('cumulative held-out reward', 'sum of evaluations', cumulative),
    row('held-out reward at the end', 'of 1', last),
    { ...row('held-out reward gained', 'of 1', (run) => last(run) - run.evaluations[0]!.reward), ...gained },
    ...(of === '8/0' ? [] : [compared]),
    row(
      'generated by a participant',
      'tokens',
      total(({ tokens }) => tokens),
      0,
    ),
    row(
      'groups learned from by a participant',
      'groups',
      total(({ learned }) => learned),
      1,
    ),
    row(
      'shared by a participant',
      'bytes',
      total(({ bytes }) => bytes),
      0,
    ),
  ]
}

const plotOf = ({ seeds }: Regime, results: ReadonlyMap<Sharing, readonly RunResult[]>): string =>
  plotLines(
    `Held-out reward of 8 participants, mean and 95% over ${seeds.length} seeds`,
    'round',
    'mean reward',
    [...results].map(([name, runs]) => ({
      name,
      x: runs[0]!.evaluations.map(({ round }) => round),
      seeds: runs.map(({ evaluations }) => evaluations.map(({ reward }) => reward)),
    })),
  )
