import type { LanguageModel } from '@lockstep/models'
import { z } from 'zod'
import { malformed, readWith } from '../manifest/parse.ts'
import { canonicalSwarmManifest, parseSwarmManifest } from './parse.ts'
import type { SwarmManifest } from './schema.ts'

const some = z.unknown().optional()

/**
 * What a participant has otherwise than its swarm's manifest: fields that are left out are the manifest's. Which tasks there
 * are, how many answers a group has and what is rewarded is the swarm's, and not among them.
 */
const ownModelSchema = z.strictObject({
  seed: some,
  model: some,
  tokenizer: some,
  lengths: z.strictObject({ prompt: some, answer: some }).optional(),
  warmStart: z
    .strictObject({ examples: some, batch: some, steps: some, warmup: some, rate: some })
    .optional(),
  learning: z
    .strictObject({
      ...{ local: some, external: some, choosing: some, fromOthers: some, others: some },
      ...{ temperature: some, epochs: some, batch: some, rate: some, clip: some },
    })
    .optional(),
  /** A model's file to begin with, as `lockstep fetch` writes it, instead of an untrained model and a warm start. */
  start: z.string().min(1).max(4096).optional(),
})
export type OwnModel = z.output<typeof ownModelSchema>

/** Reads a participant's own model, YAML or JSON. Throws a FaultError, and nothing else, on any other bytes. */
export const parseOwnModel = (source: Uint8Array<ArrayBufferLike>): OwnModel => {
  const own = readWith(ownModelSchema, source)
  for (const field of ['model', 'tokenizer', 'warmStart'] as const)
    if (own.start !== undefined && own[field] !== undefined)
      throw malformed(field, 'given', 'nothing where start is given: the file has it')
  return own
}

/**
 * A swarm's manifest as one participant's learner takes it: with its own model, and checked as a manifest is. Throws a
 * FaultError. `begun` is the model of the file that `start` names.
 */
export const withOwnModel = (
  manifest: SwarmManifest,
  own: OwnModel,
  begun?: LanguageModel,
): SwarmManifest => {
  const base = JSON.parse(canonicalSwarmManifest(manifest)) as SwarmManifest
  const { lengths, warmStart, learning, start: _, ...whole } = own
  const merged = {
    ...base,
    ...whole,
    ...(begun && { model: termsOf(begun), tokenizer: 'character' }),
    lengths: { ...base.lengths, ...lengths },
    warmStart: { ...base.warmStart, ...warmStart },
    learning: { ...base.learning, ...learning },
  }
  return parseSwarmManifest(new TextEncoder().encode(JSON.stringify(merged)))
}

const termsOf = ({ kind, config }: LanguageModel): object => {
  const { vocab: _, ...fields } = config
  return kind === 'gpt' ? fields : { kind, ...fields }
}
