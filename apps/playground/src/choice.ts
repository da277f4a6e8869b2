import type { GptConfig } from '@lockstep/models'

/** Networks that the playground trains: what differs from the default GPT, and where the training ends. */
export const SIZES = {
  tour: { name: 'The tour’s GPT, 834,304 parameters', config: {}, steps: 300 },
  small: { name: 'Small GPT, 120,576 parameters', config: { width: 64, layers: 2 }, steps: 600 },
  tiny: {
    name: 'Tiny GPT, 7,920 parameters',
    config: { width: 16, layers: 1, heads: 2, context: 32 },
    steps: 200,
  },
} as const satisfies {
  [name: string]: { readonly name: string; readonly config: Partial<GptConfig>; readonly steps: number }
}
export type Size = keyof typeof SIZES
export const isSize = (name: string): name is Size => Object.hasOwn(SIZES, name)

/** All that a training depends on beside the text. */
export type Choice = { readonly size: Size; readonly seed: number }

export const MOST_SEED = 2 ** 32 - 1
export const DEFAULT_SEED = 1851
