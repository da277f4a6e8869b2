import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import {
  characterCoding,
  decodeLocalState,
  encodeLocalState,
  families,
  familyTable,
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
} & Partial<Pick<LocalPlan, 'choosing'>>

/** What one run came to: each evaluation is the mean over participants, the round it was made before, and each kind's. */
export type RunResult = {
  readonly seed: number
  readonly evaluations: readonly {
    readonly round: number
    readonly reward: number
    readonly kinds: readonly number[]
  }[]
  readonly reports: readonly RoundReport[]
}

const table = familyTable(families)

/** A trial to its end, from where it was left. */
export const runSwarm = async (executor: Executor, folder: string, trial: Trial): Promise<RunResult> => {
  const { regime, seed, local, external, choosing = 'useful' } = trial
  const file = join(folder, `${trial.name}.state`)
  const start = await startOf(executor, regime, folder, seed)
  const { model, prompt, answer, train, rounds, every } = regime
  const plan: LocalPlan = {
    seed,
    families: table,
    kinds: regime.kinds,
    builds: [{ model, coding: characterCoding, start, prompt, answer, train }],
    members: new Array<number>(regime.members).fill(0),
    groups: regime.groups,
    groupSize: regime.groupSize,
    reward: 'right',
    local,
    external,
    choosing,
    temperature: 1,
    epochs: 1,
    policy: {},
    heldOut: regime.heldOut,
  }
  const swarm = await localSwarm(executor, plan)
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
  while (state.round < rounds || done.evaluations.at(-1)?.round !== rounds) {
    // Steps give way to nothing else; whoever ends this process should not have to wait for the run.
    await setImmediate()
    if (state.round % every === 0 && done.evaluations.at(-1)?.round !== state.round) {
      const scores: number[][] = []
      for (const member of plan.members.keys()) scores.push(await swarm.evaluate(state, member))
      const kinds = plan.kinds.map((_, k) => scores.reduce((s, of) => s + of[k]!, 0) / scores.length)
      const reward = kinds.reduce((a, b) => a + b, 0) / kinds.length
      done = { ...done, evaluations: [...done.evaluations, { round: state.round, reward, kinds }] }
      save()
      continue
    }
    const { state: next, report } = await swarm.round(state)
    state = next
    done = { ...done, reports: [...done.reports, report] }
  }
  swarm.close()
  return { seed, ...done }
}
