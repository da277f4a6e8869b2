import { POST_LIMITS, parseAmount } from '@lockstep/market'
import { catchFault, FaultError, type Result, unwrap } from '@lockstep/tensor'
import { isMap, parseDocument } from 'yaml'
import type { z } from 'zod'
import { modelFault } from './model-schema.ts'
import { ALTERNATIVES, type Manifest, type MarketTerms, manifestSchema } from './schema.ts'

/** A manifest is a page of text. */
export const MAX_MANIFEST_BYTES = 65536

const REMEDY = 'Correct the manifest; `lockstep init` prints one with every field.'

/** Reads a manifest's YAML (of which JSON is a part). Throws a FaultError, and nothing else, on any other bytes. */
export const parseManifest = (source: Uint8Array<ArrayBufferLike>): Manifest =>
  unwrap(checkManifest(readWith(manifestSchema, source)))

/** Reads the YAML of a manifest that has this schema; a FaultError names the first field that is wrong. */
export const readWith = <T>(schema: z.ZodType<T>, source: Uint8Array<ArrayBufferLike>): T => {
  if (source.length > MAX_MANIFEST_BYTES)
    throw malformed('manifest', `${source.length} bytes`, `at most ${MAX_MANIFEST_BYTES}`)
  const result = schema.safeParse(parseYaml(textOf(source)), { reportInput: true })
  if (!result.success) throw explain(schema, result.error.issues[0]!)
  return result.data
}

/** What a manifest's fields have to do with each other. */
export const checkManifest = (manifest: Manifest): Result<Manifest> =>
  catchFault(() => {
    const { training, model, segments } = manifest
    if (training.warmup > training.steps)
      throw malformed('training.warmup', training.warmup, `at most training.steps, ${training.steps}`)
    const { schedule } = training
    if (schedule?.kind === 'trapezoid' && schedule.fall > Math.max(1, training.steps - training.warmup))
      throw malformed(
        'training.schedule.fall',
        schedule.fall,
        `at most training.steps less training.warmup, ${Math.max(1, training.steps - training.warmup)}`,
      )
    const fault = modelFault(model)
    if (fault !== undefined) throw malformed(fault.field, fault.value, fault.limit)
    const least = Math.ceil(training.steps / MAX_CHECKPOINTS)
    if (segments.every < least)
      throw malformed(
        'segments.every',
        segments.every,
        `at least ${least}, for at most ${MAX_CHECKPOINTS} checkpoints`,
      )
    checkMarket(manifest)
    return manifest
  })

/** What the fields of a market part have to do with each other and with the rest. */
const checkMarket = ({ market, training, segments }: Manifest): void => {
  if (market === undefined) return
  const { mode, workers, rounds, sweep } = market
  if (mode === 'sweep' && (sweep.length === 0 || workers !== 1))
    throw malformed(
      sweep.length === 0 ? 'market.sweep' : 'market.workers',
      sweep.length === 0 ? 'empty' : workers,
      'a list of variants, and 1 worker, where market.mode is sweep',
    )
  if (mode !== 'sweep' && sweep.length > 0)
    throw malformed('market.sweep', 'given', 'nothing where market.mode is not sweep')
  if (mode === 'replicas' && workers < 2)
    throw malformed('market.workers', workers, 'at least 2 where market.mode is replicas')
  const perRound = mode === 'sweep' ? sweep.length : mode === 'train' && workers > 1 ? workers + 1 : workers
  if (perRound * rounds > POST_LIMITS.slices)
    throw malformed(
      'market.rounds',
      rounds,
      `at most ${Math.floor(POST_LIMITS.slices / perRound)}: a job has ${POST_LIMITS.slices} slices, a round ${perRound}`,
    )
  const steps = stepsPerRound(training, market)
  if (steps > segments.every && steps % segments.every === 1)
    throw malformed(
      'market.stepsPerRound',
      steps,
      `no multiple of segments.every, ${segments.every}, and 1: a segment of one step hides nothing from an auditor who does not run it`,
    )
  const every = Math.ceil(steps / POST_LIMITS.segments)
  if (segments.every < every)
    throw malformed(
      'segments.every',
      segments.every,
      `at least ${every}: a slice of ${steps} steps has at most ${POST_LIMITS.segments} segments`,
    )
  const [ceiling, auditPrice] = [parseAmount(market.ceiling)!, parseAmount(market.auditPrice)!]
  if (ceiling === 0n) throw malformed('market.ceiling', market.ceiling, 'more than nothing')
  if (2n * auditPrice < ceiling)
    throw malformed(
      'market.auditPrice',
      market.auditPrice,
      `at least half of market.ceiling, ${market.ceiling}: an auditor does the same work`,
    )
  for (const [i, { warmup }] of sweep.entries())
    if (warmup !== undefined && warmup > training.steps)
      throw malformed(`market.sweep.${i}.warmup`, warmup, `at most training.steps, ${training.steps}`)
}

/** Steps of each worker from one merge to the next: if not given, the training's steps over the rounds, rounded up. */
export const stepsPerRound = (training: Manifest['training'], market: MarketTerms): number =>
  market.stepsPerRound ?? Math.max(2, Math.ceil(training.steps / market.rounds))

/** How many checkpoints a claim may commit to. */
const MAX_CHECKPOINTS = 2 ** 20

/** The one text of a manifest: every field, in the schema's order, whatever was written. */
export const canonicalManifest = (manifest: Manifest): string => `${JSON.stringify(manifest, null, 2)}\n`

const textOf = (source: Uint8Array<ArrayBufferLike>): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(source)
  } catch {
    throw malformed('manifest', 'no UTF-8', 'UTF-8 text')
  }
}

const parseYaml = (text: string): unknown => {
  const document = read(() => parseDocument(text, { uniqueKeys: true, prettyErrors: true, merge: false }))
  const [error] = document.errors
  if (error) {
    const line = error.linePos ? ` line ${error.linePos[0].line}` : ''
    throw malformed(`manifest${line}`, error.message.split('\n')[0], 'YAML or JSON')
  }
  if (!isMap(document.contents)) throw malformed('manifest', text.slice(0, 40), 'a map of fields')
  return read(() => document.toJS({ maxAliasCount: 16 }))
}

/** The YAML reader throws errors of its own on hostile texts, deep nesting among them. */
const read = <T>(fn: () => T): T => {
  try {
    return fn()
  } catch (error) {
    throw malformed('manifest', error instanceof Error ? error.message.split('\n')[0] : error, 'YAML or JSON')
  }
}

/** A schema's first complaint as field, value and limit. */
const explain = (whole: z.ZodType, issue: z.core.$ZodIssue): FaultError => {
  const field = issue.path.join('.') || 'manifest'
  switch (issue.code) {
    case 'unrecognized_keys':
      return malformed(
        [...issue.path, issue.keys[0]].join('.'),
        'given',
        knownFields(whole, issue.path, issue.input),
      )
    case 'too_small':
      return malformed(field, issue.input, `at least ${issue.minimum}${unit(issue.origin)}`)
    case 'too_big':
      return malformed(field, issue.input, `at most ${issue.maximum}${unit(issue.origin)}`)
    case 'invalid_type':
      return malformed(
        field,
        issue.input === undefined ? 'missing' : issue.input,
        EXPECTED[issue.expected] ?? issue.expected,
      )
    default:
      return malformed(field, issue.input, issue.message)
  }
}

const unit = (origin: string): string => (origin === 'string' ? ' characters' : '')

const EXPECTED: { readonly [type: string]: string } = {
  int: 'an integer',
  number: 'a number',
  string: 'a text',
  object: 'a map of fields',
}

const knownFields = (whole: z.ZodType, path: readonly PropertyKey[], input: unknown): string => {
  let schema: unknown = whole
  for (const key of path)
    schema = typeof key === 'number' ? elementOf(schema) : shapeOf(schema)[key as string]
  const field = String(path.at(-1))
  return Object.keys(shapeOf(schema, input)).join(', ') || (ALTERNATIVES[field] ?? 'the fields of its kind')
}

type Schema = {
  shape?: { readonly [key: string]: unknown }
  element?: unknown
  def?: { innerType?: unknown }
  options?: readonly { readonly shape: { readonly kind: z.ZodType } }[]
}

/** A schema under whatever defaults wrap it. */
const bare = (schema: unknown): Schema => {
  let inner = (schema ?? {}) as Schema
  while (inner.def?.innerType !== undefined) inner = inner.def.innerType as Schema
  return inner
}

/** The fields of an object schema; of one with kinds, those of the input's kind. */
const shapeOf = (schema: unknown, input?: unknown): { readonly [key: string]: unknown } => {
  const { shape, options } = bare(schema)
  const kind = (input as { readonly kind?: unknown } | undefined)?.kind
  return shape ?? options?.find((option) => option.shape?.kind?.safeParse(kind).success)?.shape ?? {}
}

/** What a list holds. */
const elementOf = (schema: unknown): unknown => bare(schema).element

/** A manifest's field with a value that it may not have. */
export const malformed = (field: string, value: unknown, limit: string): FaultError =>
  new FaultError({
    code: 'manifest-malformed',
    field: shown(field),
    value: shown(value),
    limit: shown(limit),
    remedy: REMEDY,
  })

/** A manifest may be a stranger's: what is shown of it is short and has no control characters. */
const shown = (value: unknown): string => {
  const isPlain = typeof value === 'string' || typeof value === 'number'
  const text = (isPlain ? String(value) : (JSON.stringify(value) ?? String(value))).slice(0, 200)
  const plain = text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ')
  return plain === '' ? 'empty' : plain
}
