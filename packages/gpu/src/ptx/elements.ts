import { DTYPES, type Dtype } from '@lockstep/tensor'
import type { PtxKernel } from './kernel-text.ts'
import { bf16PatternOf, f16Of, patternOf } from './scalar-code.ts'

/** Elements between memory and registers: docs/numerics.md, "Loads and stores". */

const at = (address: string, offset: number): string =>
  offset === 0 ? `[${address}]` : `[${address}+${offset}]`

/** A load's width in memory, and the class of register that it lands in. */
const LOADED = {
  f32: ['f32', 'f'],
  u32: ['u32', 'r'],
  bf16: ['u16', 'r'],
  f16: ['b16', 'h'],
  u8: ['u8', 'r'],
} as const satisfies { readonly [D in Dtype]: readonly [string, 'f' | 'r' | 'h'] }

export const widen = (k: PtxKernel, dtype: Dtype, raw: string): string => {
  if (dtype === 'bf16') return k.let('f', 'mov.b32', k.let('r', 'shl.b32', raw, 16))
  if (dtype === 'f16') return k.let('f', 'cvt.f32.f16', raw)
  return raw
}

/** The element at an address, in its register. `guard` is a predicate where the load may be left out, for `otherwise`. */
export const loadElementCode = (
  k: PtxKernel,
  dtype: Dtype,
  address: string,
  offset = 0,
  guard?: { readonly holds: string; readonly otherwise: number },
): string => {
  const [width, register] = LOADED[dtype]
  if (!guard) return widen(k, dtype, k.let(register, `ld.global.${width}`, at(address, offset)))
  const isNumber = DTYPES[dtype].register === 'f'
  const result = k.register(isNumber ? 'f' : 'r')
  k.emit(`mov.b32 ${result}, ${k.let('r', 'mov.b32', guard.otherwise >>> 0)}`)
  const skip = k.label()
  k.emit(`@!${guard.holds} bra ${skip}`)
  const value = widen(k, dtype, k.let(register, `ld.global.${width}`, at(address, offset)))
  k.emit(`mov.b32 ${result}, ${value}`)
  k.place(skip)
  return result
}

/** Four elements that lie together, at an address that is a multiple of their bytes. */
export const loadFourCode = (k: PtxKernel, dtype: Dtype, address: string, offset = 0): string[] => {
  const [width, register] = LOADED[dtype]
  const raw = Array.from({ length: 4 }, () => k.register(register))
  k.emit(`ld.global.v4.${width} {${raw.join(', ')}}, ${at(address, offset)}`)
  return raw.map((r) => widen(k, dtype, r))
}

/** One element or four as they lie in memory, for `widen`; zeros where the predicate does not hold. */
export const loadRaw = (
  k: PtxKernel,
  dtype: Dtype,
  count: 1 | 4,
  address: string,
  offset: number,
  holds: string | undefined,
): string[] => {
  const [width, register] = LOADED[dtype]
  const raw = Array.from({ length: count }, () => k.register(register))
  if (holds)
    for (const r of raw) {
      if (register === 'h') k.emit(`mov.b16 ${r}, 0`)
      else if (register === 'f') k.emit(`mov.f32 ${r}, 0f00000000`)
      else k.emit(`mov.b32 ${r}, 0`)
    }
  const list = count === 4 ? `{${raw.join(', ')}}` : raw[0]
  k.emit(
    `${holds ? `@${holds} ` : ''}ld.global${count === 4 ? '.v4' : ''}.${width} ${list}, ${at(address, offset)}`,
  )
  return raw
}

/** What is written of a register's word: narrowed, with a NaN as the one NaN. */
const narrowed = (k: PtxKernel, dtype: Dtype, value: string): readonly [width: string, raw: string] => {
  switch (dtype) {
    case 'f32':
      return ['u32', patternOf(k, value)]
    case 'u32':
      return ['u32', value]
    case 'u8':
      return ['u8', value]
    case 'bf16':
      return ['u16', bf16PatternOf(k, value)]
    case 'f16': {
      const nan = k.let('p', 'setp.nan.f32', value, value)
      const half = f16Of(k, value)
      const word = k.let('r', 'cvt.u32.u16', half)
      return ['u16', k.let('r', 'selp.b32', 0x7e00, word, nan)]
    }
  }
}

export const storeElementCode = (
  k: PtxKernel,
  dtype: Dtype,
  address: string,
  value: string,
  offset = 0,
): void => {
  const [width, raw] = narrowed(k, dtype, value)
  k.emit(`st.global.${width} ${at(address, offset)}, ${raw}`)
}

export const storeFourCode = (
  k: PtxKernel,
  dtype: Dtype,
  address: string,
  values: readonly string[],
  offset = 0,
): void => {
  const parts = values.map((v) => narrowed(k, dtype, v))
  const raw = parts.map(([, r]) => r).join(', ')
  k.emit(`st.global.v4.${parts[0]![0]} ${at(address, offset)}, {${raw}}`)
}

/** The address of element `position` (a word) of a tensor that begins at `base`. */
export const elementAddress = (k: PtxKernel, base: string, position: string, dtype: Dtype): string => {
  const offset = k.let('d', 'mul.wide.u32', position, DTYPES[dtype].bytes)
  return k.let('d', 'add.s64', base, offset)
}
