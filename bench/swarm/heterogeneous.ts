import { join } from 'node:path'
import { type LanguageModel, parameterCount, parametersOf, trainBpe } from '@lockstep/models'
import {
  type Coding,
  characterCoding,
  families,
  familyTable,
  type LocalPlan,
  seedOn,
  tokenizerCoding,
} from '@lockstep/swarm'
import type { Row } from '../row.ts'
import { planOf, type RunResult, runPlan } from './run.ts'
import type { Section, Work } from './section.ts'
import { seedsRow } from './seeds.ts'
import { type Regime, type Setting, settingOf } from './setting.ts'
import { startOf } from './start.ts'

/** A kind of participant: how wide its model is, and whether it writes characters or pairs of them. */
export type Kind = {
  readonly name: string
  readonly width: number
  readonly tokens: 'character' | 'bpe'
  readonly rate: number // of its warm start
}

export const KINDS: readonly Kind[] = [
  { name: 'small, characters', width: 64, tokens: 'character', rate: 4e-3 },
  { name: 'middle, pairs', width: 96, tokens: 'bpe', rate: 3e-3 },
  { name: 'large, characters', width: 128, tokens: 'character', rate: 2.5e-3 },
]
/** Participants of each kind. */
const OF_EACH = 3
const table = familyTable(families)

/** Three kinds of models with two tokenizers: what each gains in one swarm, and what it would have gained alone. */
export const section: Section = async ({ quick, tell, folderOf, results }) => {
  const { regime, seeds } = mixedSetting(quick)
  const codings = KINDS.map(({ tokens }) => codingOf(tokens, regime))
  for (const [k, kind] of KINDS.entries()) {
    const parameters = parameterCount(parametersOf(modelOf(regime, kind, codings[k]!)))
    tell(kind.name, `${OF_EACH} participants, ${parameters} parameters, ${codings[k]!.vocab} tokens`)
  }
  const trials = (local: number, external: number): MixedTrial[] =>
    seeds.map((seed) => ({
      name: `${local}-${external}-${seed}`,
      regime,
      kinds: KINDS,
      seed,
      local,
      external,
    }))
  const folder = folderOf({ regime, kinds: KINDS, of: OF_EACH })
  const alone = await results<MixedTrial, RunResult>(folder, trials(8, 0))
  const together = await results<MixedTrial, RunResult>(folder, trials(4, 4))
  return KINDS.flatMap((kind, k): Row[] => {
    const at = (run: RunResult, evaluation: number): number => {
      const { members } = run.evaluations.at(evaluation)!
      return members.slice(k * OF_EACH, (k + 1) * OF_EACH).reduce((a, b) => a + b, 0) / OF_EACH
    }
    const row = (what: string, values: readonly number[]): Row =>
      seedsRow(`${kind.name}: ${what}`, 'of 1', seeds, values)
    return [
      row(
        'held-out reward at the start',
        together.map((run) => at(run, 0)),
      ),
      row(
        'after as many rounds alone',
        alone.map((run) => at(run, -1)),
      ),
      row(
        'in the swarm',
        together.map((run) => at(run, -1)),
      ),
      row(
        'gained in the swarm',
        together.map((run) => at(run, -1) - at(run, 0)),
      ),
      row(
        'more in the swarm than alone',
        together.map((run, i) => at(run, -1) - at(alone[i]!, -1)),
      ),
    ]
  })
}

const mixedSetting = (quick: boolean): Setting => {
  const { regime, seeds } = settingOf(quick)
  return { regime: { ...regime, rounds: quick ? 8 : 16, every: quick ? 4 : 8 }, seeds }
}

export type MixedTrial = {
  readonly name: string
  readonly regime: Regime
  readonly kinds: readonly Kind[]
  readonly seed: number
  readonly local: number
  readonly external: number
}

export const work: Work<MixedTrial, RunResult> = async (executor, folder, trial) => {
  const { name, regime, kinds, seed, local, external } = trial
  const { prompt, answer, train, warm } = regime
  const builds: LocalPlan['builds'][number][] = []
  for (const kind of kinds) {
    const coding = codingOf(kind.tokens, regime)
    const model = modelOf(regime, kind, coding)
    const how = { ...{ model, prompt, answer }, warm: { ...warm, train: { ...warm.train, rate: kind.rate } } }
    const start = await startOf(executor, folder, how, seed, coding)
    builds.push({ model, coding, start, prompt, answer, train })
  }
  const members = kinds.flatMap((_, build) => new Array<number>(OF_EACH).fill(build))
  const plan: LocalPlan = { ...planOf(regime, seed, local, external), builds, members }
  return runPlan(executor, join(folder, `${name}.state`), plan, regime)
}

const modelOf = ({ model }: Regime, { width }: Kind, { vocab }: Coding): LanguageModel =>
  ({ ...model, config: { ...model.config, width, vocab } }) as LanguageModel

/** Pairs are those of prompts and answers on the training side, the same for all seeds. */
const codingOf = (tokens: Kind['tokens'], { kinds }: Regime): Coding => {
  if (tokens === 'character') return characterCoding
  const texts = kinds.flatMap(({ family, level }) =>
    Array.from({ length: 64 }, (_, i) => {
      const one = table.get(family)!
      const { prompt, solution } = one.play(seedOn('train', one, level, i), level)
      return `${prompt} ${solution}`
    }),
  )
  return tokenizerCoding('bpe', trainBpe(new TextEncoder().encode(texts.join(' ')), 320))
}
