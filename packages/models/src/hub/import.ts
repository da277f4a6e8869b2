import type { Tensor } from '@lockstep/tensor'
import { castTensor } from '../cast-tensor.ts'
import type { LanguageModel } from '../model.ts'
import { parametersOf } from '../model.ts'
import { ModelError } from '../model-error.ts'
import type { TrainedModel } from '../model-file.ts'
import { decodeSafetensors } from '../safetensors/decode.ts'
import { HubFields } from './fields.ts'
import { HEAD, type HubLayout } from './layout.ts'
import { HUB_LAYOUTS, type HubKind } from './layouts.ts'
import { transposed } from './transposed.ts'

/**
 * A model of the field's hub, `gpt2` or `llama`: the text of its config.json and its safetensors files, one or several.
 * Weights may be f32, bf16 or f16, and become f32. Everything in the files is either used, or known not to matter, or a
 * fault: throws a ModelError that names it.
 */
export const importHub = (
  config: string,
  ...files: readonly Uint8Array<ArrayBufferLike>[]
): TrainedModel & { readonly model: LanguageModel } => {
  const fields = new HubFields(config)
  const type = fields.text('model_type')
  const kind = (Object.keys(HUB_LAYOUTS) as HubKind[]).find((k) => HUB_LAYOUTS[k].type === type)
  if (kind === undefined) {
    const known = Object.values(HUB_LAYOUTS).map((layout) => layout.type)
    throw fields.fault('model_type', type, known.join(' or '), 'hub-unsupported')
  }
  const layout = HUB_LAYOUTS[kind] as HubLayout<unknown>
  const model = { kind, config: layout.configFrom(fields) } as LanguageModel
  fields.end()
  const parameters = parametersOf(model) // checks the configuration's bounds
  const tensors = tensorsIn(files, layout)
  checkTiedHead(tensors, layout.tiedTo(model.config))
  const taken = new Map<string, Tensor>()
  for (const { ours, theirs, turned } of layout.tensorsOf(model.config)) {
    const shape = parameters.find((p) => p.name === ours)!.shape
    const expected = turned ? shape.toReversed() : shape
    const tensor = castTensor(numbersOf(tensors.get(theirs), theirs, expected), 'f32')
    taken.set(ours, turned ? transposed(tensor) : tensor)
    tensors.delete(theirs)
  }
  for (const name of tensors.keys()) {
    if (layout.isBuffer(name)) continue
    throw malformed(name, 'given', 'no unknown tensor', 'Import the model that config.json describes.')
  }
  return { model, parameters: parameters.map((p) => taken.get(p.name)!) }
}

/** All tensors under their names without the prefix. */
const tensorsIn = (
  files: readonly Uint8Array<ArrayBufferLike>[],
  { prefix }: HubLayout<unknown>,
): Map<string, Tensor> => {
  const all = new Map<string, Tensor>()
  for (const file of files)
    for (const [name, tensor] of decodeSafetensors(file).tensors) {
      const bare = name.startsWith(prefix) ? name.slice(prefix.length) : name
      if (all.has(bare)) throw malformed(name, 'given twice', 'each tensor once', 'Remove one of the two.')
      all.set(bare, tensor)
    }
  return all
}

/** A head that is the embedding may be written too; then it must be the embedding. */
const checkTiedHead = (tensors: Map<string, Tensor>, embedding: string | undefined): void => {
  if (embedding === undefined) return
  const head = tensors.get(HEAD)
  if (head === undefined) return
  const wanted = tensors.get(embedding)
  const isSame =
    wanted?.dtype === head.dtype &&
    wanted.data.length === head.data.length &&
    wanted.data.every((byte, i) => byte === head.data[i])
  if (!isSame)
    throw new ModelError(
      'hub-unsupported',
      HEAD,
      'other numbers',
      `the numbers of ${embedding}, to which it is tied`,
      'Import a model whose head is tied, or say in config.json that it is not.',
    )
  tensors.delete(HEAD)
}

const numbersOf = (tensor: Tensor | undefined, name: string, shape: readonly number[]): Tensor => {
  const limit = `F32, BF16 or F16 [${shape}]`
  const remedy = 'Take the weights that belong to the config.json.'
  if (tensor === undefined) throw malformed(name, 'missing', limit, remedy)
  const isNumbers = tensor.dtype === 'f32' || tensor.dtype === 'bf16' || tensor.dtype === 'f16'
  if (isNumbers && tensor.shape.join() === shape.join()) return tensor
  throw malformed(name, `${tensor.dtype} [${tensor.shape}]`, limit, remedy)
}

const malformed = (field: string, value: unknown, limit: string, remedy: string): ModelError =>
  new ModelError('hub-malformed', field.slice(0, 200), value, limit, remedy)
