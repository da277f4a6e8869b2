import type { Tensor } from '@lockstep/tensor'

/** A single u32 as a tensor of shape [1]: step numbers, seeds and lengths in a state. */
export const wordTensor = (value: number): Tensor => {
  const data = new Uint8Array(4)
  new DataView(data.buffer).setUint32(0, value, true)
  return { dtype: 'u32', shape: [1], data }
}

/** What wordTensor was given. */
export const wordOf = (tensor: Tensor): number =>
  new DataView(tensor.data.buffer, tensor.data.byteOffset, 4).getUint32(0, true)

/** f32 values as a tensor. */
export const f32Tensor = (shape: readonly number[], values: Float32Array): Tensor => {
  const data = new Uint8Array(4 * values.length)
  const view = new DataView(data.buffer)
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) view.setUint32(4 * i, 0x7fc00000, true)
    else view.setFloat32(4 * i, values[i]!, true)
  }
  return { dtype: 'f32', shape, data }
}

/** The values of an f32 tensor. */
export const f32Values = (tensor: Tensor): Float32Array<ArrayBuffer> => {
  const view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength)
  return Float32Array.from({ length: tensor.data.length / 4 }, (_, i) => view.getFloat32(4 * i, true))
}

/** Words as a tensor. */
export const u32Tensor = (shape: readonly number[], words: ArrayLike<number>): Tensor => {
  const data = new Uint8Array(4 * words.length)
  const view = new DataView(data.buffer)
  for (let i = 0; i < words.length; i++) view.setUint32(4 * i, words[i]!, true)
  return { dtype: 'u32', shape, data }
}

/** The words of a u32 tensor. */
export const u32Values = (tensor: Tensor): Uint32Array<ArrayBuffer> => {
  const view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength)
  return Uint32Array.from({ length: tensor.data.length / 4 }, (_, i) => view.getUint32(4 * i, true))
}
