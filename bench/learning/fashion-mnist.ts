import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { Tensor } from '@lockstep/tensor'

/** Where Debian's package dataset-fashion-mnist (MIT licence) puts its files. */
const FOLDER = '/usr/share/datasets/fashion-mnist'
const PLACES = 28 * 28

export type Pictures = { readonly features: Tensor; readonly labels: Tensor }

/** The first pictures of 28x28 grey places, and which of ten kinds of clothes each shows; null where not installed. */
export const fashionMnist = (part: 'train' | 't10k', count: number): Pictures | null => {
  if (!existsSync(`${FOLDER}/${part}-images-idx3-ubyte.gz`)) return null
  const read = (kind: string, header: number, bytes: number): Uint8Array => {
    const file = gunzipSync(readFileSync(`${FOLDER}/${part}-${kind}-ubyte.gz`))
    return new Uint8Array(file.subarray(header, header + count * bytes))
  }
  return {
    features: { dtype: 'u8', shape: [count, PLACES], data: read('images-idx3', 16, PLACES) },
    labels: { dtype: 'u8', shape: [count], data: read('labels-idx1', 8, 1) },
  }
}
