import type { Dtype } from '@lockstep/tensor'

/** The format's dtype names for the dtypes that the machine has. */
export const SAFETENSORS_DTYPE: { readonly [D in Dtype]: string } = {
  f32: 'F32',
  u32: 'U32',
  bf16: 'BF16',
  f16: 'F16',
  u8: 'U8',
}

const byName = new Map<string, Dtype>(
  (Object.keys(SAFETENSORS_DTYPE) as Dtype[]).map((d) => [SAFETENSORS_DTYPE[d], d]),
)

export const dtypeFromSafetensors = (name: string): Dtype | undefined => byName.get(name)
