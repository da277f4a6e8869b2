import type { Dtype } from '@lockstep/tensor'

/**
 * Makes elements canonical in place (docs/numerics.md, "Loads and stores"): a NaN of any payload becomes the one
 * NaN of its dtype. Every other pattern is canonical already.
 */
export const canonicalise = (dtype: Dtype, data: Uint8Array<ArrayBufferLike>): void => {
  if (dtype === 'u8' || dtype === 'u32') return
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  if (dtype === 'f32') {
    for (let at = 0; at < data.length; at += 4) {
      if ((view.getUint32(at, true) & 0x7fffffff) > 0x7f800000) view.setUint32(at, 0x7fc00000, true)
    }
    return
  }
  const [infinity, nan] = dtype === 'bf16' ? [0x7f80, 0x7fc0] : [0x7c00, 0x7e00]
  for (let at = 0; at < data.length; at += 2) {
    if ((view.getUint16(at, true) & 0x7fff) > infinity) view.setUint16(at, nan, true)
  }
}
