import type { ClassifierNetwork } from './classify/network.ts'
import type { GptConfig } from './gpt/config.ts'
import { gptNetwork } from './gpt/network.ts'
import type { LanguageNetwork } from './language/network.ts'
import type { LlamaConfig } from './llama/config.ts'
import { llamaNetwork } from './llama/network.ts'
import type { MlpConfig } from './mlp/config.ts'
import { mlpNetwork } from './mlp/network.ts'
import type { Parameter } from './parameter.ts'
import type { ResnetConfig } from './resnet/config.ts'
import { resnetNetwork } from './resnet/network.ts'

/** Architectures of models of text, by kind, and what each is configured by. */
export type LanguageConfigs = { readonly gpt: GptConfig; readonly llama: LlamaConfig }
/** Architectures of classifiers of rows of numbers. */
export type ClassifierConfigs = { readonly mlp: MlpConfig; readonly resnet: ResnetConfig }

export type Configs = LanguageConfigs & ClassifierConfigs
export type Kind = keyof Configs
export type ModelOf<K extends Kind> = { [P in K]: { readonly kind: P; readonly config: Configs[P] } }[K]
/** A network: what its parameters are and what they compute. */
export type Model = ModelOf<Kind>
export type LanguageModel = ModelOf<keyof LanguageConfigs>
export type ClassifierModel = ModelOf<keyof ClassifierConfigs>

/** What an architecture makes of a configuration, which it checks. */
type Networks = { readonly [K in keyof LanguageConfigs]: LanguageNetwork } & {
  readonly [K in keyof ClassifierConfigs]: ClassifierNetwork
}
export type Architecture<K extends Kind> = (config: Configs[K]) => Networks[K]

/** Every architecture. To add one: its configuration above, its entry here; all verbs, files and manifests follow. */
const ARCHITECTURES: { readonly [K in Kind]: Architecture<K> } = {
  gpt: gptNetwork,
  llama: llamaNetwork,
  mlp: mlpNetwork,
  resnet: resnetNetwork,
}

export const KINDS: readonly Kind[] = Object.keys(ARCHITECTURES) as Kind[]

/** A model's network. Throws a ModelError where the configuration is none. */
export const networkOf = <K extends Kind>(model: ModelOf<K>): Networks[K] =>
  (ARCHITECTURES[model.kind] as Architecture<K>)(model.config as Configs[K])

/** The tensors a model learns, in the order every program of this package takes them. Checks the configuration. */
export const parametersOf = (model: Model): readonly Parameter[] => networkOf(model).parameters

export const isLanguageModel = (model: Model): model is LanguageModel =>
  networkOf(model).family === 'language'
