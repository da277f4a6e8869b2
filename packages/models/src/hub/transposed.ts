import type { Tensor } from '@lockstep/tensor'

/** An f32 matrix (A, B) as (B, A). */
export const transposed = ({ dtype, shape, data }: Tensor): Tensor => {
  const [rows, columns] = shape as [number, number]
  const from = new Uint32Array(data.slice().buffer) // whole elements are moved, so their bytes' order does not matter
  const to = new Uint32Array(from.length)
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) to[c * rows + r] = from[r * columns + c]!
  return { dtype, shape: [columns, rows], data: new Uint8Array(to.buffer) }
}
