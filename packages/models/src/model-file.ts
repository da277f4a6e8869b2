import type { Tensor } from '@lockstep/tensor'
import { isLanguageModel, KINDS, type Kind, type Model, parametersOf } from './model.ts'
import { ModelError } from './model-error.ts'
import { decodeSafetensors } from './safetensors/decode.ts'
import { encodeSafetensors } from './safetensors/encode.ts'
import { loadTokenizer } from './tokenizer/load-tokenizer.ts'
import type { Tokenizer } from './tokenizer/tokenizer.ts'

/** A trained network with what is needed to use it. `parameters` are in the order of `parametersOf(model)`. */
export type TrainedModel = {
  readonly model: Model
  readonly parameters: readonly Tensor[]
  readonly tokenizer?: Tokenizer
}

const FORMAT = 'lockstep-model-1'
/** Characters that a model's configuration may have. */
const MAX_CONFIG = 4096

/**
 * A model as one safetensors file: parameters under their names; format, configuration and tokenizer as metadata.
 * One model has one file, byte for byte.
 */
export const saveModel = ({ model, parameters, tokenizer }: TrainedModel): Uint8Array<ArrayBuffer> => {
  const specs = parametersOf(model)
  if (parameters.length !== specs.length) {
    throw malformed(
      'parameters',
      parameters.length,
      `${specs.length}`,
      'Pass the parameters only, without moments.',
    )
  }
  const tensors = new Map(specs.map(({ name, shape }, i) => [name, fitting(name, shape, parameters[i])]))
  const metadata = new Map([
    ['format', FORMAT],
    ['model', JSON.stringify({ kind: model.kind, config: sortedConfig(model.config) })],
  ])
  if (tokenizer) metadata.set('tokenizer', tokenizer.save())
  return encodeSafetensors(tensors, metadata)
}

/** Reads what saveModel wrote, checking that configuration, tensors and tokenizer fit together. Throws ModelError. */
export const loadModel = (bytes: Uint8Array<ArrayBufferLike>): TrainedModel => {
  const { tensors, metadata } = decodeSafetensors(bytes)
  if (metadata.get('format') !== FORMAT) {
    throw malformed(
      'format',
      metadata.get('format'),
      FORMAT,
      'Import the tensors with decodeSafetensors instead.',
    )
  }
  const model = parseModel(metadata.get('model') ?? '')
  const specs = parametersOf(model)
  if (tensors.size !== specs.length) {
    throw malformed('tensors', tensors.size, `${specs.length}`, 'Save the model anew.')
  }
  const parameters = specs.map(({ name, shape }) => fitting(name, shape, tensors.get(name)))
  const saved = metadata.get('tokenizer')
  if (saved === undefined) return { model, parameters }
  const tokenizer = loadTokenizer(saved)
  if (isLanguageModel(model) && tokenizer.vocabSize > model.config.vocab) {
    const limit = `at most the model's ${model.config.vocab} ids`
    throw malformed(
      'tokenizer',
      `${tokenizer.vocabSize} ids`,
      limit,
      'Save the model with its own tokenizer.',
    )
  }
  return { model, parameters, tokenizer }
}

const fitting = (name: string, shape: readonly number[], tensor: Tensor | undefined): Tensor => {
  if (tensor?.dtype === 'f32' && tensor.shape.join() === shape.join()) return tensor
  const found = tensor ? `${tensor.dtype} [${tensor.shape}]` : 'missing'
  throw malformed(name, found, `f32 [${shape}]`, 'The tensors belong to another configuration.')
}

const parseModel = (json: string): Model => {
  const refuse = (): ModelError =>
    malformed('model', json, `{"kind":${KINDS.join(' or ')},"config":{...}}`, 'Save the model anew.')
  if (json.length > MAX_CONFIG) throw refuse()
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw refuse()
  }
  if (!isRecord(value) || !isRecord(value.config)) throw refuse()
  if (!KINDS.includes(value.kind as Kind)) throw refuse()
  return { kind: value.kind, config: value.config } as unknown as Model // parametersOf checks every field
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const sortedConfig = (config: object): object =>
  Object.fromEntries(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)))

const malformed = (field: string, value: unknown, limit: string, remedy: string): ModelError =>
  new ModelError('model-malformed', field, value, limit, remedy)
