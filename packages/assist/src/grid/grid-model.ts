import type { LanguageModel, TrainConfig } from '@lockstep/models'
import { DEFAULT_TRAIN } from '@lockstep/models'
import { gridSymbols } from '../environment/grid.ts'
import type { Block } from './board.ts'
import { goalOf, TRAINING_FAMILIES } from './goal.ts'

/** The network of the building game, beside its memory of shapes: 0.17 million parameters. */
export const GRID_MODEL: LanguageModel = {
  kind: 'gpt',
  config: { vocab: gridSymbols().count, context: 96, width: 64, layers: 3, heads: 4, dropout: 0 },
}
/** Its programs are those of a network beside an adviser, whose advice says nothing here: see docs/decisions/0048. */
export const GRID_ADVICE = { features: 4 } as const

/** Symbols of a row that it learns from. */
export const GRID_ROW = 65

/** How its base is made: from scratch, from games of scripted people who build goals of the training families. */
export const GRID_BASE: { readonly seed: number; readonly rows: number; readonly train: TrainConfig } = {
  seed: 7,
  rows: 16_384,
  train: { ...DEFAULT_TRAIN, batch: 32, steps: 2400, warmup: 100, rate: 3e-3 },
}

/** Goals that everybody knows: some of each training family. */
export const commonGoals = (): (readonly Block[])[] =>
  TRAINING_FAMILIES.flatMap((family) =>
    Array.from({ length: COMMON_GOALS }, (_, seed) => goalOf(family, 1_000_000 + seed).blocks),
  )
const COMMON_GOALS = 12
