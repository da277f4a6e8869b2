import type { Hex } from '@lockstep/proof'
import { sha256, toHex } from '@lockstep/proof'
import { catchFault, FaultError, type NamedType, type Result, size, type Tensor } from '@lockstep/tensor'

export const numbersIn = ({ shape }: Pick<NamedType, 'shape'>): number => size(shape)

/** A number of a shared model is at most this far from 0: more is no model, and its squares must stay numbers. */
export const MOST_NUMBER = 2 ** 16

/** Parameters as bytes: the numbers of every tensor in order, binary32, little-endian, nothing between them. */
export const encodeParameters = (tensors: readonly Tensor[]): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(tensors.reduce((sum, { data }) => sum + data.length, 0))
  let at = 0
  for (const { data } of tensors) {
    bytes.set(data, at)
    at += data.length
  }
  return bytes
}

/** Reads what encodeParameters wrote of these types: of exactly their length, every number finite and within the bound. */
export const decodeParameters = (
  bytes: Uint8Array<ArrayBufferLike>,
  types: readonly NamedType[],
): Result<Tensor[]> =>
  catchFault(() => {
    const wanted = 4 * types.reduce((sum, type) => sum + numbersIn(type), 0)
    if (bytes.length !== wanted) malformed('parameters', `${bytes.length} bytes`, `${wanted} bytes`)
    let at = 0
    return types.map(({ name, dtype, shape }) => {
      const data = bytes.slice(at, at + 4 * size(shape))
      at += data.length
      const view = new DataView(data.buffer)
      for (let i = 0; i < data.length; i += 4) {
        const value = view.getFloat32(i, true)
        if (!(Math.abs(value) <= MOST_NUMBER))
          malformed(`parameters.${name}[${i / 4}]`, value, `a finite number of at most ${MOST_NUMBER}`)
      }
      return { dtype, shape, data }
    })
  })

const malformed = (field: string, value: string | number, limit: string): never => {
  throw new FaultError({
    ...{ code: 'parameters-malformed', field, value: String(value), limit },
    remedy: 'Send the numbers of the model that this round is about.',
  })
}

/** What bytes are kept and asked for by: their SHA-256. */
export const bytesHash = (bytes: Uint8Array): Hex => toHex(sha256(bytes))
