import { DTYPES } from '../dtype.ts'
import type { Tensor, TensorType } from '../program.ts'
import { storeElement } from '../scalar/convert.ts'
import { f32Bits } from '../scalar/pattern.ts'
import { size } from '../shape.ts'
import type { Seeded } from './seeded.ts'

/** A canonical tensor: ordinary numbers with edges among them. Words are mostly small, so that they serve as coordinates. */
export const randomTensor = (r: Seeded, type: TensorType, smallWords = 12): Tensor => {
  const { dtype, shape } = type
  const { bytes, register } = DTYPES[dtype]
  const data = new Uint8Array(size(shape) * bytes)
  for (let i = 0; i < size(shape); i++)
    storeElement(dtype, data, i, register === 'f' ? float(r) : word(r, smallWords))
  return { dtype, shape, data }
}

const EDGES = [
  0, 0x80000000, 1, 0x80000001, 0x007fffff, 0x00800000, 0x7f7fffff, 0x7f800000, 0xff800000, 0x7fc00000,
]

const float = (r: Seeded): number => {
  const kind = r.between(0, 40)
  if (kind === 0) return r.pick(EDGES)
  if (kind === 1) return r.word()
  if (kind === 2) return (r.word() & 0x80ffffff) >>> 0 // subnormal or nearly
  if (kind < 10) return f32Bits(r.between(-8, 9))
  return ((r.word() & 0x807fffff) | (r.between(118, 132) << 23)) >>> 0
}

const word = (r: Seeded, small: number): number => {
  const kind = r.between(0, 10)
  return kind === 0 ? r.word() : kind === 1 ? 0xffffffff : r.between(0, small)
}
