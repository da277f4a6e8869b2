import { formatAmount, parseAmount } from '@lockstep/market'
import { DEFAULT_TRAIN } from '@lockstep/models'
import { z } from 'zod'
import { modelSchema } from './model-schema.ts'

/** Bounds that a person meets first; the machine's own limits are checked on the program that results. */
const integer = (least: number, most: number) => z.int().min(least).max(most)
const number = (least: number, most: number) => z.number().min(least).max(most)
const DAY = 86_400
const seconds = (usual: number, days = 7) => integer(1, days * DAY).default(usual)

/** A name that is a directory's name on every system and an identifier everywhere else. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/

const AMOUNT = 'a decimal number of tokens such as 0.25, of at most 18 decimals'
/** An amount as a person writes it, in one spelling. */
const amount = z
  .union([z.string(), z.number().transform(String)], { error: () => AMOUNT })
  .refine((text) => parseAmount(text) !== undefined, { error: () => AMOUNT })
  .transform((text) => formatAmount(parseAmount(text)!))

const ADDRESS = 'an address: 0x and 40 hex digits'
const addresses = z
  .array(
    z
      .string()
      .regex(/^0x[0-9a-fA-F]{40}$/, ADDRESS)
      .transform((text) => text.toLowerCase()),
  )
  .max(64)
  .default([])

const train = DEFAULT_TRAIN

const bounds = {
  seed: integer(0, 2 ** 32 - 1),
  batch: integer(1, 65536),
  rate: number(0, 10),
  warmup: integer(0, 2 ** 24),
  lastRate: number(0, 1),
  clip: number(0, 1e6),
  decay: number(0, 10),
  beta1: number(0, 0.9999),
  beta2: number(0, 0.99999),
  epsilon: number(1e-12, 1),
}

/** What fields are that have a choice of shapes. */
export const ALTERNATIVES: { readonly [field: string]: string } = {
  tokenizer: 'byte, or {bpe: 257 to 16384}',
  optimiser:
    '{kind: adamw}, {kind: adam}, {kind: sgd, momentum, nesterov}, {kind: lion, beta1, beta2} or {kind: muon, momentum, nesterov}',
  schedule:
    '{kind: cosine}, {kind: linear}, {kind: constant}, {kind: inverse-sqrt} or {kind: trapezoid, fall}',
}

const optimiser = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('adamw') }),
    z.strictObject({ kind: z.literal('adam') }),
    z.strictObject({
      kind: z.literal('sgd'),
      momentum: number(0, 0.9999).default(0.9),
      nesterov: z.boolean().default(false),
    }),
    z.strictObject({
      kind: z.literal('lion'),
      beta1: number(0, 0.9999).default(0.9),
      beta2: number(0, 0.99999).default(0.99),
    }),
    z.strictObject({
      kind: z.literal('muon'),
      momentum: number(0, 0.9999).default(0.95),
      nesterov: z.boolean().default(true),
    }),
  ],
  { error: () => ALTERNATIVES.optimiser! },
)

const schedule = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('cosine') }),
    z.strictObject({ kind: z.literal('linear') }),
    z.strictObject({ kind: z.literal('constant') }),
    z.strictObject({ kind: z.literal('inverse-sqrt') }),
    z.strictObject({ kind: z.literal('trapezoid'), fall: integer(1, 2 ** 24) }),
  ],
  { error: () => ALTERNATIVES.schedule! },
)

const group = z
  .strictObject({ rate: number(0, 1000).optional(), decay: number(0, 1000).optional() })
  .optional()

const width = z.enum(['f32', 'bf16'])

/** What is absent is not a part of a manifest's canonical text: manifests from before there was a choice keep theirs. */
const choices = {
  clipValue: number(0, 1e6).optional(),
  optimiser: optimiser.optional(),
  schedule: schedule.optional(),
  groups: z.strictObject({ matrix: group, vector: group, embedding: group, head: group }).optional(),
  accumulate: integer(1, 256).optional(),
  recompute: z.boolean().optional(),
  precision: z
    .strictObject({
      parameters: width.optional(),
      master: z.boolean().optional(),
      activations: width.optional(),
      moments: width.optional(),
      rounding: z.enum(['nearest', 'stochastic']).optional(),
    })
    .optional(),
  smoothing: number(0, 0.99).optional(),
  zLoss: number(0, 1).optional(),
  average: number(0, 0.99999).optional(),
}

const training = z.strictObject({
  seed: bounds.seed.default(1),
  batch: bounds.batch.default(train.batch),
  steps: integer(1, 2 ** 24).default(train.steps),
  rate: bounds.rate.default(train.rate),
  warmup: bounds.warmup.default(train.warmup),
  lastRate: bounds.lastRate.default(train.lastRate),
  clip: bounds.clip.default(train.clip),
  decay: bounds.decay.default(train.decay),
  beta1: bounds.beta1.default(train.beta1),
  beta2: bounds.beta2.default(train.beta2),
  epsilon: bounds.epsilon.default(train.epsilon),
  ...choices,
})

/** What one training of a sweep has otherwise than the manifest says. */
const variant = z.strictObject(bounds).partial()

/** On what terms others do the work. Without this part a manifest is trained here. */
const market = z.strictObject({
  mode: z.enum(['train', 'sweep', 'replicas']).default('train'),
  workers: integer(1, 64).default(1),
  rounds: integer(1, 256).default(1),
  stepsPerRound: integer(2, 2 ** 24).optional(),
  sweep: z.array(variant).max(64).default([]),
  ceiling: amount.default('0.001'),
  auditPrice: amount.default('0.001'),
  auditRate: integer(1, 10_000).default(1_000),
  auditors: integer(1, 8).default(2),
  bond: amount.optional(),
  times: z
    .strictObject({
      bidding: seconds(30),
      inclusion: seconds(15),
      receipt: seconds(300),
      run: integer(1, 30 * DAY).optional(),
      audit: seconds(900),
      answer: seconds(300),
      window: seconds(7_200, 90),
      clock: seconds(1_800, 30),
      segment: seconds(600, 30),
      step: seconds(300, 30),
      move: seconds(120, 30),
      deadline: seconds(7 * DAY, 365),
    })
    .prefault({}),
  allowed: addresses,
  banned: addresses,
})

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
      error: () => ALTERNATIVES.tokenizer!,
    })
    .default('byte'),
  model: modelSchema,
  training: training.prefault({}),
  segments: z.strictObject({ every: integer(2, 2 ** 20).default(25) }).prefault({}),
  market: market.optional(),
})

export type Manifest = z.output<typeof manifestSchema>
export type MarketTerms = z.output<typeof market>
