import { formatAmount, parseAmount } from '@lockstep/market'
import { families } from '@lockstep/swarm'
import { z } from 'zod'
import { modelSchema } from '../manifest/model-schema.ts'

const integer = (least: number, most: number) => z.int().min(least).max(most)
const number = (least: number, most: number) => z.number().min(least).max(most)
const DAY = 86_400
const seconds = (usual: number, days = 30) => integer(1, days * DAY).default(usual)

const AMOUNT = 'a decimal number of tokens such as 0.25, of at most 18 decimals'
const amount = z
  .union([z.string(), z.number().transform(String)], { error: () => AMOUNT })
  .refine((text) => parseAmount(text) !== undefined, { error: () => AMOUNT })
  .transform((text) => formatAmount(parseAmount(text)!))

const CHOOSING = ['useful', 'uniform', 'even'] as const
const NAMES = families.map(({ name }) => name)

/** Everything of a swarm that its participants have in common. Fields that are absent have the defaults shown. */
export const swarmManifestSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'lower-case letters, digits, dots, dashes; at most 64')
    .default('my-swarm'),
  seed: integer(0, 2 ** 32 - 1).default(1),
  /** Of who has no model of its own. */
  model: modelSchema,
  tokenizer: z
    .union([z.literal('character'), z.strictObject({ bpe: integer(257, 4096) })], {
      error: () => 'character, or {bpe: 257 to 4096}',
    })
    .default('character'),
  /** What tasks are drawn from. */
  families: z
    .array(
      z.strictObject({
        family: z.enum(NAMES as [string, ...string[]], { error: () => `one of ${NAMES.join(', ')}` }),
        level: integer(0, 15).default(0),
        /** Own tasks may be at levels up to this: each participant's follow what it can do. Absent, at `level` alone. */
        most: integer(0, 15).optional(),
      }),
    )
    .min(1)
    .max(64),
  /** Tokens that a prompt and an answer may have, their ends included. */
  lengths: z
    .strictObject({ prompt: integer(2, 512).default(40), answer: integer(2, 512).default(24) })
    .prefault({}),
  /** Right answers that the model reads before it learns from rewards. */
  warmStart: z
    .strictObject({
      examples: integer(1, 2 ** 20).default(4096),
      batch: integer(1, 4096).default(32),
      steps: integer(1, 2 ** 20).default(400),
      warmup: integer(0, 2 ** 20).default(40),
      rate: number(0, 10).default(3e-3),
    })
    .prefault({}),
  learning: z
    .strictObject({
      groups: integer(1, 64).default(8),
      /** Groups of a round at most, where fewer than `local` teach anything. Absent, `groups`: nobody writes more. */
      budget: integer(1, 64).optional(),
      groupSize: integer(2, 64).default(8),
      local: integer(0, 64).default(4),
      external: integer(0, 64).default(4),
      choosing: z.enum(CHOOSING).default('useful'),
      /** How groups of others are chosen, and what of them is learned: by default as among those who do not trust each other. */
      fromOthers: z.enum(CHOOSING).default('even'),
      others: z.enum(['better', 'whole']).default('better'),
      reward: z.enum(['score', 'right']).default('right'),
      temperature: number(0.01, 10).default(1),
      epochs: integer(1, 16).default(1),
      batch: integer(1, 4096).default(16),
      rate: number(0, 10).default(3e-4),
      clip: number(0, 1e6).default(1),
    })
    .prefault({}),
  rounds: z
    .strictObject({
      count: integer(1, 10_000).default(100),
      tasks: integer(1, 16).default(4),
      /** Seconds; 0 leaves critique or resolve out. */
      answer: seconds(300),
      critique: integer(0, 30 * DAY).default(0),
      resolve: integer(0, 30 * DAY).default(0),
      /** By what critiques and final answers are found: the participant's model, or the family, which knows every score. */
      judging: z.enum(['model', 'family']).default('model'),
      claim: seconds(120),
      challenge: seconds(600),
      stand: seconds(600),
      /** From the creation: no round begins after it. */
      expiry: seconds(7 * DAY, 364),
    })
    .prefault({}),
  weights: z
    .strictObject({
      answer: integer(1, 255).default(1),
      critique: integer(0, 255).default(0),
      prediction: integer(0, 255).default(0),
      resolve: integer(0, 255).default(0),
    })
    .prefault({}),
  participants: z
    .strictObject({ minimum: integer(1, 128).default(2), most: integer(1, 128).default(16) })
    .prefault({}),
  stake: amount.default('100'),
  reward: amount.default('10'),
  deposit: amount.default('1'),
  /** How a score is proven where it is in doubt; seconds. */
  proof: z
    .strictObject({
      window: seconds(1_200),
      clock: seconds(600),
      segment: seconds(300),
      step: seconds(180),
      move: seconds(120),
    })
    .prefault({}),
})

export type SwarmManifest = z.output<typeof swarmManifestSchema>
