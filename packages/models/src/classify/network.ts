import type { Grid } from '@lockstep/tensor'
import type { Block } from '../layer/block.ts'
import type { Weights } from '../layer/weights.ts'
import type { Parameter } from '../parameter.ts'

/** What a classifier of rows of numbers computes: one for each architecture, made from its checked configuration. */
export type ClassifierNetwork = {
  readonly family: 'classifier'
  readonly features: number // D: numbers a row has
  readonly classes: number
  readonly parameters: readonly Parameter[]
  /** Scores of the classes: (B, D) gives (B, classes). */
  readonly logits: (weights: Weights, rows: Grid<'f'>, block?: Block) => Grid<'f'>
}
