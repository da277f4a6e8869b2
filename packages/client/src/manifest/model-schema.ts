import {
  DEFAULT_GPT,
  DEFAULT_LLAMA,
  type LanguageConfigs,
  type LanguageModel,
  ModelError,
  parametersOf,
} from '@lockstep/models'
import { z } from 'zod'

const integer = (least: number, most: number) => z.int().min(least).max(most)
const number = (least: number, most: number) => z.number().min(least).max(most)

type Kind = keyof LanguageConfigs
/** What a manifest says of a model: all but the vocabulary, which is the tokenizer's. No kind is a gpt. */
export type ModelTerms = {
  [K in Kind]: { readonly kind: K extends 'gpt' ? K | undefined : K } & {
    readonly [F in Exclude<keyof LanguageConfigs[K], 'vocab'>]: LanguageConfigs[K][F]
  }
}[Kind]

/** One entry for each architecture that learns from text: this does not compile where one is missing. */
const SCHEMAS = {
  gpt: z.strictObject({
    // Absent, as it was before there was a choice: manifests of that time keep their canonical text.
    kind: z.literal('gpt').optional(),
    layers: integer(1, 64).default(DEFAULT_GPT.layers),
    width: integer(1, 4096).default(DEFAULT_GPT.width),
    heads: integer(1, 4096).default(DEFAULT_GPT.heads),
    context: integer(1, 4096).default(DEFAULT_GPT.context),
    dropout: number(0, 0.9).default(DEFAULT_GPT.dropout),
    inner: integer(1, 65536).optional(),
    activation: z.enum(['gelu', 'gelu_new']).optional(),
  }),
  llama: z.strictObject({
    kind: z.literal('llama'),
    layers: integer(1, 128).default(DEFAULT_LLAMA.layers),
    width: integer(2, 16384).default(DEFAULT_LLAMA.width),
    heads: integer(1, 8192).default(DEFAULT_LLAMA.heads),
    keyHeads: integer(1, 8192).default(DEFAULT_LLAMA.keyHeads),
    inner: integer(1, 65536).default(DEFAULT_LLAMA.inner),
    context: integer(1, 131_072).default(DEFAULT_LLAMA.context),
    theta: number(1, 1e9).default(DEFAULT_LLAMA.theta),
    epsilon: number(1e-12, 1).default(DEFAULT_LLAMA.epsilon),
    tied: z.boolean().default(DEFAULT_LLAMA.tied),
  }),
} satisfies { readonly [K in Kind]: z.ZodObject }

/** What `kind` may be. */
export const MODEL_KINDS: string = Object.keys(SCHEMAS).join(' or ')

export const modelSchema: z.ZodType<ModelTerms> = z
  .discriminatedUnion('kind', [SCHEMAS.gpt, SCHEMAS.llama], {
    error: () => `a model whose kind is ${MODEL_KINDS}`,
  })
  .prefault({}) as z.ZodType<ModelTerms>

/** The model that a manifest and its tokenizer mean. */
export const modelOf = ({ kind = 'gpt', ...config }: ModelTerms, vocab: number): LanguageModel =>
  ({ kind, config: { ...config, vocab } }) as LanguageModel

/** What the fields of a model have to do with each other, as the first fault: which field, and what is allowed. */
export const modelFault = (
  terms: ModelTerms,
): { readonly field: string; readonly value: string; readonly limit: string } | undefined => {
  try {
    parametersOf(modelOf(terms, 256))
    return undefined
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    const field = error.field.replace(/^\w+\./, 'model.')
    return { field, value: error.value, limit: error.limit.replace('width', 'model.width') }
  }
}

/** What each field of any architecture means, for whoever fills them in. */
const MEANINGS: { readonly [F in Exclude<AllFields, 'vocab'>]: string } = {
  layers: 'transformer blocks',
  width: 'numbers that a token is carried in',
  heads: 'attention heads; they divide the width',
  keyHeads: 'heads of keys and values; they divide the heads',
  inner: 'width inside the feed-forward part',
  context: 'tokens seen at once',
  theta: 'base of the rotary frequencies',
  epsilon: 'of the norms',
  tied: 'whether the embedding is also the head',
  dropout: 'part of the activations dropped while training',
  activation: 'gelu, or gelu_new by tanh',
}
type AllFields = { [K in Kind]: keyof LanguageConfigs[K] }[Kind]

/** A model's fields for print: name, value, meaning. */
export const modelFields = ({
  kind,
  ...fields
}: ModelTerms): readonly (readonly [name: string, value: unknown, meaning: string])[] => [
  kind === undefined
    ? (['# kind', 'llama', 'another architecture; without it a gpt'] as const)
    : (['kind', kind, MODEL_KINDS] as const),
  ...Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, value, MEANINGS[name as keyof typeof MEANINGS]] as const),
]
