import { ROUND, START } from './sha256-constants.ts'

/** The schedule of a block whose first 16 words are in place: the other 48 follow from them. */
export const extendSchedule = (words: Uint32Array): void => {
  for (let t = 16; t < 64; t++) {
    const x = words[t - 15]!
    const y = words[t - 2]!
    const low = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
    const high = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
    words[t] = low + words[t - 7]! + high + words[t - 16]!
  }
}

/** The schedule of the block at hand. */
const words = new Uint32Array(64)

const compress = (state: Uint32Array): void => {
  extendSchedule(words)
  let a = state[0]! | 0
  let b = state[1]! | 0
  let c = state[2]! | 0
  let d = state[3]! | 0
  let e = state[4]! | 0
  let f = state[5]! | 0
  let g = state[6]! | 0
  let h = state[7]! | 0
  for (let t = 0; t < 64; t++) {
    const high = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const first = (h + high + (g ^ (e & (f ^ g))) + ROUND[t]! + words[t]!) | 0
    const low = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const second = (low + ((a & b) | (c & (a | b)))) | 0
    h = g
    g = f
    f = e
    e = (d + first) | 0
    d = c
    c = b
    b = a
    a = (first + second) | 0
  }
  state[0]! += a
  state[1]! += b
  state[2]! += c
  state[3]! += d
  state[4]! += e
  state[5]! += f
  state[6]! += g
  state[7]! += h
}

/** SHA-256 (FIPS 180-4) of one message: the meaning of every batched hash, and what is used for a handful of bytes. */
export const sha256 = (message: Uint8Array): Uint8Array<ArrayBuffer> => {
  const blocks = Math.ceil((message.length + 9) / 64)
  const padded = new Uint8Array(64 * blocks)
  padded.set(message)
  padded[message.length] = 0x80
  const view = new DataView(padded.buffer)
  view.setUint32(padded.length - 8, Math.floor(message.length / 2 ** 29))
  view.setUint32(padded.length - 4, (message.length << 3) >>> 0)
  const state = START.slice()
  for (let block = 0; block < blocks; block++) {
    for (let t = 0; t < 16; t++) words[t] = view.getUint32(64 * block + 4 * t)
    compress(state)
  }
  const digest = new Uint8Array(32)
  const out = new DataView(digest.buffer)
  state.forEach((word, i) => out.setUint32(4 * i, word))
  return digest
}
