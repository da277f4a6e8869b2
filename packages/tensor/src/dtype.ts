/** What a tensor's elements are in memory. Registers are always 32-bit words; see numerics.md, "Loads and stores". */
export type Dtype = 'f32' | 'u32' | 'bf16' | 'f16' | 'u8'

/** What a scalar value is in a register: an IEEE binary32 number or a 32-bit integer. */
export type Register = 'f' | 'u'

export type DtypeInfo = { readonly code: number; readonly bytes: 1 | 2 | 4; readonly register: Register }

export const DTYPES = {
  f32: { code: 0, bytes: 4, register: 'f' },
  u32: { code: 1, bytes: 4, register: 'u' },
  bf16: { code: 2, bytes: 2, register: 'f' },
  f16: { code: 3, bytes: 2, register: 'f' },
  u8: { code: 4, bytes: 1, register: 'u' },
} as const satisfies { readonly [D in Dtype]: DtypeInfo }

export const dtypeFromCode = (code: number): Dtype | undefined =>
  (Object.keys(DTYPES) as Dtype[]).find((d) => DTYPES[d].code === code)
