import type { Tensor } from '@lockstep/tensor'
import { castTensor } from '../cast-tensor.ts'
import { type Model, parametersOf } from '../model.ts'
import { ModelError } from '../model-error.ts'
import type { TrainedModel } from '../model-file.ts'
import { encodeSafetensors } from '../safetensors/encode.ts'
import { HEAD, type HubLayout } from './layout.ts'
import { HUB_LAYOUTS, type HubKind } from './layouts.ts'
import { transposed } from './transposed.ts'

/** A model as the field's hub has it: what to write into config.json and model.safetensors. */
export type HubFiles = { readonly config: string; readonly weights: Uint8Array<ArrayBuffer> }

/** The dtypes that weights can be written in, by the hub's words for them. */
const TORCH_DTYPES = { f32: 'float32', bf16: 'bfloat16', f16: 'float16' } as const

/**
 * A model of text in the layout of the field's hub: a gpt as `gpt2`, a llama as `llama`. In f32 nothing is lost;
 * bf16 and f16 are rounded to nearest-even. A head that is tied is not written.
 */
export const exportHub = (
  { model, parameters }: Pick<TrainedModel, 'model' | 'parameters'>,
  dtype: keyof typeof TORCH_DTYPES = 'f32',
): HubFiles => {
  if (!isHubKind(model.kind)) {
    const known = Object.keys(HUB_LAYOUTS).join(' or ')
    throw new ModelError('config-invalid', 'model.kind', model.kind, known, 'Save it with saveModel.')
  }
  const layout = HUB_LAYOUTS[model.kind] as HubLayout<unknown>
  const places = new Map(parametersOf(model).map((p, place) => [p.name, place]))
  const tensors = new Map<string, Tensor>()
  for (const { ours, theirs, turned } of layout.tensorsOf(model.config)) {
    const tensor = parameters[places.get(ours)!]!
    const name = theirs === HEAD ? HEAD : layout.prefix + theirs
    tensors.set(name, castTensor(turned ? transposed(tensor) : tensor, dtype))
  }
  const fields = { ...layout.fieldsOf(model.config), torch_dtype: TORCH_DTYPES[dtype] }
  return {
    config: `${JSON.stringify(fields, null, 2)}\n`,
    weights: encodeSafetensors(tensors, new Map([['format', 'pt']])),
  }
}

const isHubKind = (kind: Model['kind']): kind is HubKind => Object.hasOwn(HUB_LAYOUTS, kind)
