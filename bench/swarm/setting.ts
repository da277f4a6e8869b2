import { DEFAULT_TRAIN, type LanguageModel, type TrainConfig } from '@lockstep/models'
import { characterCoding, type TaskKind } from '@lockstep/swarm'

/** What every run of the sharing sweep has in common. */
export type Regime = {
  readonly model: LanguageModel
  readonly prompt: number
  readonly answer: number
  readonly warm: {
    readonly train: TrainConfig
    readonly examples: number
    readonly kinds: readonly TaskKind[]
    readonly blur: TrainConfig // it reads on, answers of which most belong to other tasks
    readonly right: number // of a thousand of those, that belong to theirs
  }
  readonly kinds: readonly TaskKind[] // what rewards are for
  readonly train: TrainConfig
  readonly members: number
  readonly groups: number
  readonly groupSize: number
  readonly rounds: number
  readonly every: number // rounds from one evaluation to the next
  readonly heldOut: number
}

export type Setting = { readonly regime: Regime; readonly seeds: readonly number[] }

const PROMPT = 24
const ANSWER = 12
const kindsOf = (families: readonly string[], levels: readonly number[]): TaskKind[] =>
  families.flatMap((family) => levels.map((level) => ({ family, level })))

const FAMILIES = ['copying', 'reversal', 'sorting', 'counting']

/**
 * The participants know how to answer and hardly ever do: they have read right answers, then answers of which most belong
 * to other tasks, as a model knows much from what it has read and was not told what is wanted. What rewards have to
 * bring out is rare in a round of one participant, and less rare in a round of eight.
 `quick` is the same at a size for tests.
 */
export const settingOf = (quick: boolean): Setting => {
  const levels = quick ? [0, 1] : [0, 1, 2]
  const kinds = kindsOf(quick ? FAMILIES.slice(0, 3) : FAMILIES, levels)
  const read = { ...DEFAULT_TRAIN, batch: 64, decay: 0.01 }
  const regime: Regime = {
    model: {
      kind: 'gpt',
      config: {
        ...{ vocab: characterCoding.vocab, context: PROMPT + ANSWER, heads: 4, dropout: 0 },
        ...(quick ? { width: 48, layers: 2 } : { width: 96, layers: 2 }),
      },
    },
    prompt: PROMPT,
    answer: ANSWER,
    warm: {
      train: { ...read, steps: 320, warmup: 30, rate: quick ? 5e-3 : 3e-3 },
      examples: 8192,
      kinds,
      blur: { ...read, steps: 50, warmup: 5, rate: 7e-4 },
      right: quick ? 150 : 200,
    },
    kinds,
    train: {
      ...{ ...DEFAULT_TRAIN, batch: 32, steps: 1_000_000, warmup: 4, rate: quick ? 1e-3 : 6e-4, decay: 0 },
      schedule: { kind: 'constant' },
    },
    members: 8,
    groups: 8,
    groupSize: 8,
    rounds: quick ? 8 : 32,
    every: quick ? 2 : 4,
    heldOut: quick ? 12 : 16,
  }
  return { regime, seeds: quick ? [1, 2, 3] : [1, 2, 3, 4, 5] }
}

/** What participants that do not trust each other do: see decision 41. */
export const GUARDED = { others: 'better', fromOthers: 'even' } as const

/** Groups of its own and of others that a participant learns from in a round. */
export const SHARING = ['8/0', '6/2', '4/4', '2/6'] as const
export type Sharing = (typeof SHARING)[number]
