import type { Configs, LanguageConfigs } from '../model.ts'
import { gpt2Layout } from './gpt2.ts'
import type { HubLayout } from './layout.ts'
import { llamaLayout } from './llama.ts'

/** The kinds that the hub knows. */
export type HubKind = keyof LanguageConfigs
export const HUB_LAYOUTS: { readonly [K in HubKind]: HubLayout<Configs[K]> } = {
  gpt: gpt2Layout,
  llama: llamaLayout,
}
