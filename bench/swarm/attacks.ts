import { join } from 'node:path'
import { characterCoding, encodeLocalState, type Intruder, type LocalPlan, localSwarm } from '@lockstep/swarm'
import type { Executor } from '@lockstep/tensor'
import { figure, type Row } from '../row.ts'
import { ATTACKS, type AttackName, intruderOf, REFUSED } from './attackers.ts'
import { planOf, type RunResult, runPlan, type Trial } from './run.ts'
import type { Section, Work } from './section.ts'
import { moreRow, seedsRow } from './seeds.ts'
import { GUARDED, type Regime, settingOf } from './setting.ts'
import { last, trialOf } from './sharing.ts'
import { startOf } from './start.ts'

/**
 * What honest participants lose at most: with attackers their held-out reward at the end is, as a mean over the seeds, at least
 * 95% of what it is without.
 */
export const TOLERANCE = 0.05

/**
 * Honest participants that share 4/4, with attackers whose groups pass every check, and without, on the same seeds: as they
 * are in the sweep, and guarded.
 */
export const section: Section = async ({ quick, tell, folderOf, results }) => {
  const { regime, seeds } = settingOf(quick)
  // Half as long as the sweep: at its end honest participants still learn, and what is lost shows.
  const rounds = regime.rounds / 2
  const short = { ...regime, rounds, every: rounds / 2 }
  const folder = folderOf({ ...short, attacks: true })
  const sweep = await results<Trial, RunResult>(
    folderOf(regime),
    seeds.map((seed) => trialOf(regime, '4/4', seed)),
    'sharing',
  )
  const until = sweep.map((run) => run.evaluations.find(({ round }) => round === rounds)!.reward)
  tell('tolerance', `${100 * TOLERANCE}% of the reward after ${rounds} rounds, as a mean over the seeds`)
  const rows: Row[] = []
  for (const guarded of [true, false]) {
    const how = guarded ? 'guarded' : 'unguarded'
    const runs = async (attack?: AttackName): Promise<number[]> => {
      const trials = seeds.map((seed): AttackTrial => {
        const name = `${guarded ? 'guarded-' : ''}${attack ?? 'none'}-${seed}`
        return { name, regime: short, seed, guarded, ...(attack !== undefined && { attack }) }
      })
      return (await results<AttackTrial, RunResult>(folder, trials)).map(last)
    }
    const alone = guarded ? await runs() : until
    rows.push(seedsRow(`${how}, without attackers: held-out reward at the end`, 'of 1', seeds, alone))
    for (const attack of Object.keys(ATTACKS) as AttackName[]) {
      const { about, strangers } = ATTACKS[attack]
      if (guarded) tell(attack, `${strangers} accounts beside ${regime.members}: ${about}`)
      const with_ = await runs(attack)
      const more = moreRow(
        `${how}, ${attack}: more reward at the end`,
        'of that without',
        seeds,
        with_,
        alone,
      )
      const met = more.ours >= -TOLERANCE
      rows.push(
        seedsRow(`${how}, ${attack}: held-out reward at the end`, 'of 1', seeds, with_),
        guarded ? { ...more, target: -TOLERANCE, met } : more,
      )
    }
  }
  const [seed] = seeds as [number, ...number[]]
  const [equal] = await results<AttackTrial, Equal>(folder, [
    { name: `refused-${seed}`, regime: short, seed, refused: true },
  ])
  for (const { attack, refused, same } of equal!) {
    const what = `${attack}: ${refused} messages refused in 2 rounds, honest states equal without them`
    rows.push({ ...figure(what, same ? 1 : 0, 'of 1'), target: 1, met: same, seeds: [seed] })
  }
  return rows
}

export type AttackTrial = {
  readonly name: string
  readonly regime: Regime
  readonly seed: number
  readonly attack?: AttackName
  readonly guarded?: boolean
  readonly refused?: boolean // asks whether what is refused changes a bit
}
type Equal = readonly { readonly attack: string; readonly refused: number; readonly same: boolean }[]

export const work: Work<AttackTrial, RunResult | Equal> = async (executor, folder, trial) => {
  const { name, regime, attack, seed, guarded } = trial
  const { model, prompt, answer, train } = regime
  const start = await startOf(executor, folder, regime, seed)
  const plan: LocalPlan = {
    ...planOf(regime, seed, 4, 4),
    builds: [{ model, coding: characterCoding, start, prompt, answer, train }],
    members: new Array<number>(regime.members).fill(0),
  }
  if (trial.refused) return equalBits(executor, plan)
  const [file, how] = [join(folder, `${name}.state`), guarded ? { ...plan, ...GUARDED } : plan]
  if (attack === undefined) return runPlan(executor, file, how, regime)
  const attacked = { ...how, strangers: ATTACKS[attack].strangers }
  return runPlan(executor, file, attacked, regime, intruderOf(ATTACKS[attack], attacked))
}

/** Two rounds with each attack that is refused, and without: whether honest participants come to the same bytes. */
const equalBits = async (executor: Executor, plan: LocalPlan): Promise<Equal> => {
  const run = async (intruder?: Intruder) => {
    const swarm = await localSwarm(executor, plan, intruder)
    let state = swarm.first()
    let refused = 0
    for (let round = 0; round < 2; round++) {
      const done = await swarm.round(state)
      state = done.state
      refused += done.report.refused
    }
    swarm.close()
    return { refused, bytes: Buffer.from(encodeLocalState(plan, state)) }
  }
  const { bytes } = await run()
  const found = []
  for (const [attack, intruder] of Object.entries(REFUSED)) {
    const attacked = await run(intruder)
    found.push({ attack, refused: attacked.refused, same: attacked.bytes.equals(bytes) })
  }
  return found
}
