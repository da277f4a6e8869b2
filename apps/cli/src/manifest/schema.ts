import { DEFAULT_GPT, DEFAULT_TRAIN } from '@lockstep/models'
import { z } from 'zod'

/** Bounds that a person meets first; the machine's own limits are checked on the program that results. */
const integer = (least: number, most: number) => z.int().min(least).max(most)
const number = (least: number, most: number) => z.number().min(least).max(most)

/** A name that is a directory's name on every system and an identifier everywhere else. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/

const { vocab: _, ...gpt } = DEFAULT_GPT
const train = DEFAULT_TRAIN

/**
 * What a person writes to train a model. Strict: an unknown field is an error, so that a misspelt one is not ignored.
 * Everything but the text has a default, which `lockstep init` prints.
 */
export const manifestSchema = z.strictObject({
  name: z.string().regex(NAME, 'lower-case letters, digits, dots, dashes; at most 64').default('my-model'),
  data: z.strictObject({
    text: z.string().min(1).max(1024),
    heldOut: number(0.01, 0.5).default(0.1),
  }),
  tokenizer: z
    .union([z.literal('byte'), z.strictObject({ bpe: integer(257, 16384) })], {
      error: () => 'byte, or {bpe: 257 to 16384}',
    })
    .default('byte'),
  model: z
    .strictObject({
      layers: integer(1, 64).default(gpt.layers),
      width: integer(1, 4096).default(gpt.width),
      heads: integer(1, 4096).default(gpt.heads),
      context: integer(1, 4096).default(gpt.context),
      dropout: number(0, 0.9).default(gpt.dropout),
    })
    .prefault({}),
  training: z
    .strictObject({
      seed: integer(0, 2 ** 32 - 1).default(1),
      batch: integer(1, 65536).default(train.batch),
      steps: integer(1, 2 ** 24).default(train.steps),
      rate: number(0, 10).default(train.rate),
      warmup: integer(0, 2 ** 24).default(train.warmup),
      lastRate: number(0, 1).default(train.lastRate),
      clip: number(0, 1e6).default(train.clip),
      decay: number(0, 10).default(train.decay),
      beta1: number(0, 0.9999).default(train.beta1),
      beta2: number(0, 0.99999).default(train.beta2),
      epsilon: number(1e-12, 1).default(train.epsilon),
    })
    .prefault({}),
  segments: z.strictObject({ every: integer(2, 2 ** 20).default(25) }).prefault({}),
})

export type Manifest = z.output<typeof manifestSchema>
