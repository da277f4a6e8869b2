import { checkInteger, checkKeys } from '../check.ts'
import { ModelError } from '../model-error.ts'

/** A classifier of rows of features: dense layers with ReLU between them. */
export type MlpConfig = {
  readonly features: number // D: numbers a row has
  readonly hidden: readonly number[] // widths of the hidden layers, at least one
  readonly classes: number
}

const RESIZE = 'Choose a model within the limits.'

export const checkMlpConfig = (config: MlpConfig): void => {
  checkKeys('mlp', config, ['features', 'hidden', 'classes'])
  checkInteger('mlp.features', config.features, 1, 65536, RESIZE)
  checkInteger('mlp.classes', config.classes, 2, 65536, RESIZE)
  if (!Array.isArray(config.hidden) || config.hidden.length < 1 || config.hidden.length > 16) {
    throw new ModelError('config-invalid', 'mlp.hidden', config.hidden, 'a list of 1 to 16 widths', RESIZE)
  }
  for (const [i, width] of config.hidden.entries()) checkInteger(`mlp.hidden[${i}]`, width, 1, 65536, RESIZE)
}
