import { DTYPES, type Tensor } from '@lockstep/tensor'
import { ModelError } from '../model-error.ts'
import { SAFETENSORS_DTYPE } from './dtype.ts'
import { type HeaderEntry, writeHeader } from './header.ts'

/**
 * Writes a safetensors file. One content has one encoding: wide elements first, then by name, so that every tensor
 * is aligned; metadata by key; the header padded with spaces to a multiple of 8.
 */
export const encodeSafetensors = (
  tensors: ReadonlyMap<string, Tensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array<ArrayBuffer> => {
  const ordered = [...tensors].sort(
    ([a, x], [b, y]) => DTYPES[y.dtype].bytes - DTYPES[x.dtype].bytes || (a < b ? -1 : 1),
  )
  const entries: HeaderEntry[] = []
  let end = 0
  for (const [name, { dtype, shape, data }] of ordered) {
    const length = shape.reduce((n, d) => n * d, DTYPES[dtype].bytes)
    if (data.length !== length) {
      throw new ModelError(
        'safetensors-malformed',
        `${name}.data`,
        data.length,
        `${length} bytes`,
        'Fix the shape.',
      )
    }
    if (name === '__metadata__' || !name.isWellFormed()) {
      throw new ModelError(
        'safetensors-malformed',
        'name',
        name,
        'whole characters, not __metadata__',
        'Rename it.',
      )
    }
    entries.push({ name, dtype: SAFETENSORS_DTYPE[dtype], shape, offsets: [end, end + length] })
    end += length
  }
  for (const text of [...metadata].flat()) {
    if (text.isWellFormed()) continue
    throw new ModelError(
      'safetensors-malformed',
      'metadata',
      text,
      'whole characters',
      'Remove lone surrogates.',
    )
  }
  const sorted = new Map([...metadata].sort(([a], [b]) => (a < b ? -1 : 1)))
  const text = new TextEncoder().encode(writeHeader({ metadata: sorted, entries }))
  const start = 8 + Math.ceil(text.length / 8) * 8
  const file = new Uint8Array(start + end)
  new DataView(file.buffer).setBigUint64(0, BigInt(start - 8), true)
  file.fill(0x20, 8, start)
  file.set(text, 8)
  ordered.forEach(([, { data }], i) => {
    file.set(data, start + entries[i]!.offsets[0]!)
  })
  return file
}
