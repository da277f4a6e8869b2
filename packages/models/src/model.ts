import { checkGptConfig, type GptConfig } from './gpt/config.ts'
import { gptParameters } from './gpt/parameters.ts'
import { checkMlpConfig, type MlpConfig } from './mlp/config.ts'
import { mlpParameters } from './mlp/parameters.ts'
import type { Parameter } from './parameter.ts'

/** A network: what its parameters are and what they compute. */
export type Model =
  | { readonly kind: 'gpt'; readonly config: GptConfig }
  | { readonly kind: 'mlp'; readonly config: MlpConfig }

/** The tensors a model learns, in the order every program of this package takes them. Checks the configuration. */
export const parametersOf = (model: Model): readonly Parameter[] => {
  if (model.kind === 'gpt') {
    checkGptConfig(model.config)
    return gptParameters(model.config)
  }
  checkMlpConfig(model.config)
  return mlpParameters(model.config)
}
