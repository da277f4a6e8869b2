import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeTensors, encodeTensors, parametersOf } from '@lockstep/models'
import {
  characterCoding,
  decodeLocalState,
  encodeLocalState,
  families,
  familyTable,
  type LocalPlan,
  localSwarm,
  type RoundReport,
  seedOn,
  solvedExamples,
  warmStart,
  withOthersAnswers,
} from '@lockstep/swarm'
import { type Executor, type Tensor, unwrap } from '@lockstep/tensor'
import type { Regime, Sharing } from './setting.ts'

/** What one run came to: each evaluation is the mean over participants, the round it was made before, and each kind's. */
export type RunResult = {
  readonly sharing: Sharing
  readonly seed: number
  readonly evaluations: readonly {
    readonly round: number
    readonly reward: number
    readonly kinds: readonly number[]
  }[]
  readonly reports: readonly RoundReport[]
}

const table = familyTable(families)

/** Writes a file whole or not at all: a run that is killed leaves what can be gone on from. */
const keep = (file: string, bytes: Uint8Array | string): void => {
  writeFileSync(`${file}.part`, bytes)
  renameSync(`${file}.part`, file)
}

/** A seed's warm-started parameters, all participants' and all settings' alike: made once, then read. */
export const startOf = async (
  executor: Executor,
  regime: Regime,
  folder: string,
  seed: number,
): Promise<readonly Tensor[]> => {
  const { model, prompt, answer, warm } = regime
  const types = parametersOf(model).map(({ name, shape }) => ({ name, shape, dtype: 'f32' as const }))
  const file = join(folder, `start-${seed}.safetensors`)
  mkdirSync(folder, { recursive: true })
  if (existsSync(file)) return unwrap(decodeTensors(readFileSync(file), types))
  const how = { model, coding: characterCoding, train: warm.train, prompt, answer, seed }
  const lessons = solvedExamples(
    table,
    (draws) => {
      const { family, level } = warm.kinds[draws.below(warm.kinds.length)]!
      return { family, level, seed: seedOn('train', table.get(family)!, level, draws.word()) }
    },
    { ...how, examples: warm.examples },
  )
  const clear = await warmStart(executor, { ...how, examples: warm.examples }, lessons)
  const blurred = withOthersAnswers(lessons, warm.right, seed)
  const again = { ...how, train: warm.blur, examples: warm.examples, from: clear.parameters }
  const { parameters } = await warmStart(executor, again, blurred)
  keep(file, encodeTensors(types, parameters))
  return parameters
}

/** One swarm with one seed to its end, from where it was left. */
export const runSharing = async (
  executor: Executor,
  regime: Regime,
  folder: string,
  sharing: Sharing,
  seed: number,
): Promise<RunResult> => {
  const name = join(folder, `run-${sharing.replace('/', '-')}-${seed}`)
  if (existsSync(`${name}.json`)) return JSON.parse(readFileSync(`${name}.json`, 'utf8'))
  const start = await startOf(executor, regime, folder, seed)
  const [local, external] = sharing.split('/').map(Number) as [number, number]
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
    choosing: 'useful',
    temperature: 1,
    epochs: 1,
    policy: {},
    heldOut: regime.heldOut,
  }
  const swarm = await localSwarm(executor, plan)
  let state = swarm.first()
  let done: Pick<RunResult, 'evaluations' | 'reports'> = { evaluations: [], reports: [] }
  if (existsSync(`${name}.state`)) {
    const bytes = readFileSync(`${name}.state`)
    const length = bytes.readUInt32BE(0)
    done = JSON.parse(bytes.toString('utf8', 4, 4 + length))
    state = unwrap(decodeLocalState(plan, bytes.subarray(4 + length)))
  }
  const save = (): void => {
    const told = Buffer.from(JSON.stringify(done))
    const length = Buffer.alloc(4)
    length.writeUInt32BE(told.length)
    keep(`${name}.state`, Buffer.concat([length, told, encodeLocalState(plan, state)]))
  }
  while (state.round < rounds || done.evaluations.at(-1)?.round !== rounds) {
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
  const result: RunResult = { sharing, seed, ...done }
  keep(`${name}.json`, JSON.stringify(result))
  return result
}
