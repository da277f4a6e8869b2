import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import {
  characterCoding,
  decodeLocalState,
  encodeLocalState,
  families,
  familyTable,
  type Intruder,
  type LocalPlan,
  localSwarm,
  type RoundReport,
} from '@lockstep/swarm'
import { type Executor, unwrap } from '@lockstep/tensor'
import { keep } from './kept.ts'
import type { Piece } from './section.ts'
import type { Regime } from './setting.ts'
import { startOf } from './start.ts'

/** One swarm of a regime with one seed, which differs from others of its regime in what follows. */
export type Trial = Piece & {
  readonly regime: Regime
  readonly seed: number
  readonly local: number
  readonly external: number
} & Partial<Pick<LocalPlan, 'choosing' | 'budget' | 'others' | 'fromOthers'>>

/** What one run came to. */
export type RunResult = {
  readonly seed: number
  readonly evaluations: readonly Evaluation[]
  readonly reports: readonly RoundReport[]
}
export type Evaluation = {
  readonly round: number // it was made before
  readonly reward: number // mean of participants and kinds of tasks
  readonly kinds: readonly number[] // mean of participants
  readonly members: readonly number[] // mean of kinds
}

const table = familyTable(families)

/** A trial to its end, from where it was left. */
export const runSwarm = async (executor: Executor, folder: string, trial: Trial): Promise<RunResult> => {
  const { regime, seed, local, external, choosing = 'useful', budget, others, fromOthers } = trial
  const start = await startOf(executor, folder, regime, seed)
  const { model, prompt, answer, train } = regime
  const plan: LocalPlan = {
    ...planOf(regime, seed, local, external),
    builds: [{ model, coding: characterCoding, start, prompt, answer, train }],
    members: new Array<number>(regime.members).fill(0),
    choosing,
    ...(budget !== undefined && { budget }),
    ...(others !== undefined && { others }),
    ...(fromOthers !== undefined && { fromOthers }),
  }
  return runPlan(executor, join(folder, `${trial.name}.state`), plan, regime)
}

/** What all plans of a regime have in common. */
export const planOf = (
  regime: Omit<Regime, 'model' | 'warm' | 'train' | 'prompt' | 'answer'>,
  seed: number,
  local: number,
  external: number,
): Omit<LocalPlan, 'builds' | 'members'> => ({
  ...{ seed, families: table, kinds: regime.kinds, groups: regime.groups, groupSize: regime.groupSize },
  ...{ reward: 'right', local, external, choosing: 'useful', temperature: 1, epochs: 1, policy: {} },
  heldOut: regime.heldOut,
})

/**
 * A plan until its participants have written as many groups as in the regime's rounds without refilling, evaluated at
 * equal parts of them: so what is compared has generated the same. It goes on from the file where there is one.
 */
export const runPlan = async (
  executor: Executor,
  file: string,
  plan: LocalPlan,
  { rounds, every }: { readonly rounds: number; readonly every: number },
  intruder?: Intruder,
): Promise<RunResult> => {
  const swarm = await localSwarm(executor, plan, intruder)
  let state = swarm.first()
  let done: Pick<RunResult, 'evaluations' | 'reports'> = { evaluations: [], reports: [] }
  if (existsSync(file)) {
    const bytes = readFileSync(file)
    const length = bytes.readUInt32BE(0)
    done = JSON.parse(bytes.toString('utf8', 4, 4 + length))
    state = unwrap(decodeLocalState(plan, bytes.subarray(4 + length)))
  }
  const save = (): void => {
    const told = Buffer.from(JSON.stringify(done))
    const length = Buffer.alloc(4)
    length.writeUInt32BE(told.length)
    keep(file, Buffer.concat([length, told, encodeLocalState(plan, state)]))
  }
  const evaluate = async (): Promise<Evaluation> => {
    const scores: number[][] = []
    for (const member of plan.members.keys()) scores.push(await swarm.evaluate(state, member))
    const kinds = plan.kinds.map((_, k) => scores.reduce((s, of) => s + of[k]!, 0) / scores.length)
    const mean = (of: readonly number[]): number => of.reduce((a, b) => a + b, 0) / of.length
    return { round: state.round, reward: mean(kinds), kinds, members: scores.map(mean) }
  }
  while (done.evaluations.length <= rounds / every) {
    // Steps give way to nothing else; whoever ends this process should not have to wait for the run.
    await setImmediate()
    const written = done.reports.flatMap((report) => report.written).reduce((a, b) => a + b, 0)
    if (written >= done.evaluations.length * every * plan.groups * plan.members.length) {
      done = { ...done, evaluations: [...done.evaluations, await evaluate()] }
      save()
      continue
    }
    const { state: next, report } = await swarm.round(state)
    state = next
    done = { ...done, reports: [...done.reports, report] }
  }
  swarm.close()
  return { seed: plan.seed, ...done }
}
