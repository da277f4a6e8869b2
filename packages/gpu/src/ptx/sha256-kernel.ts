import { SHA256_ROUND, SHA256_START } from '@lockstep/tensor'
import { PtxKernel } from './kernel-text.ts'
import { threadsOf } from './point.ts'

/**
 * SHA-256 of many small messages at once, one a thread: the leaves of a tensor's tree and the parents above them, as
 * docs/numerics.md, "Hashing", has them. Parameters are addresses, and counts as integers of 64 bits.
 */

const THREADS = 128

/** The eight words of the state after one block, whose sixteen words are given. */
const compress = (k: PtxKernel, state: readonly string[], block: readonly string[]): string[] => {
  const turned = (x: string, n: number): string => k.let('r', 'shf.r.wrap.b32', x, x, n)
  const mixed = (x: string, last: string, n: number, m: number): string =>
    k.let('r', 'xor.b32', k.let('r', 'xor.b32', turned(x, n), turned(x, m)), last)
  const add = (...words: (string | number)[]): string =>
    words.slice(1).reduce<string>((sum, w) => k.let('r', 'add.u32', sum, w), String(words[0]))
  const w = [...block]
  let [a, b, c, d, e, f, g, h] = state as [string, string, string, string, string, string, string, string]
  for (let t = 0; t < 64; t++) {
    if (t >= 16) {
      const [x, y] = [w[t - 15]!, w[t - 2]!]
      const s0 = mixed(x, k.let('r', 'shr.u32', x, 3), 7, 18)
      const s1 = mixed(y, k.let('r', 'shr.u32', y, 10), 17, 19)
      w[t] = add(w[t - 16]!, s0, w[t - 7]!, s1)
    }
    const chosen = k.let('r', 'xor.b32', g, k.let('r', 'and.b32', e, k.let('r', 'xor.b32', f, g)))
    const one = add(h, mixed(e, turned(e, 25), 6, 11), chosen, SHA256_ROUND[t]!, w[t]!)
    const either = k.let('r', 'and.b32', c, k.let('r', 'or.b32', a, b))
    const majority = k.let('r', 'or.b32', k.let('r', 'and.b32', a, b), either)
    const two = add(mixed(a, turned(a, 22), 2, 13), majority)
    ;[h, g, f, e, d, c, b, a] = [g, f, e, add(d, one), c, b, a, add(one, two)]
  }
  return [a, b, c, d, e, f, g, h].map((x, i) => add(state[i]!, x))
}

/** A word with its bytes in the other order. */
const swapped = (k: PtxKernel, word: string): string => k.let('r', 'prmt.b32', word, 0, 0x0123)
/** The word that begins one byte before `word`. */
const shifted = (k: PtxKernel, before: string, word: string): string =>
  k.let('r', 'shf.r.wrap.b32', word, before, 8)

const storeDigest = (k: PtxKernel, address: string, state: readonly string[]): void => {
  for (const h of [0, 4]) {
    const words = state.slice(h, h + 4).map((x) => swapped(k, x))
    k.emit(`st.global.v4.u32 [${address}+${4 * h}], {${words.join(', ')}}`)
  }
}

/** Parameters: digests out, data, bytes of data. A thread hashes 00 and a leaf. */
export const leafKernel = (): PtxKernel => {
  const k = new PtxKernel('sha256_leaves', THREADS, 3)
  const bytes = k.let('r', 'cvt.u32.u64', k.integer(2))
  const count = k.let('r', 'shr.u32', k.let('r', 'add.u32', bytes, 255), 8)
  const number = threadsOf(k, count)
  const first = k.let('r', 'shl.b32', number, 8)
  const length = k.let('r', 'min.u32', k.let('r', 'sub.u32', bytes, first), 256)
  const data = k.let('d', 'add.s64', k.parameter(1), k.let('d', 'mul.wide.u32', number, 256))
  // The tag, the leaf, a one, and the length in 64 bits.
  const blocks = k.let('r', 'add.u32', k.let('r', 'shr.u32', k.let('r', 'add.u32', length, 9), 6), 1)
  const state = Array.from(SHA256_START, (x) => k.let('r', 'mov.b32', x))
  const before = k.let('r', 'mov.b32', 0) // the tag is the last byte before the leaf
  const block = k.let('r', 'mov.b32', 0)
  const loop = k.label()
  k.place(loop)
  const here = k.let('d', 'add.s64', data, k.let('d', 'mul.wide.u32', block, 64))
  const isLast = k.let('p', 'setp.eq.u32', k.let('r', 'add.u32', block, 1), blocks)
  const words: string[] = []
  let previous = before
  for (let i = 0; i < 16; i++) {
    const at = k.let('r', 'mad.lo.u32', block, 64, 4 * i)
    const left = k.let('r', 'sub.u32', length, at)
    const some = k.let('p', 'setp.lt.u32', at, length)
    const raw = k.let('r', 'mov.b32', 0)
    k.emit(`@${some} ld.global.u32 ${raw}, [${here}+${4 * i}]`)
    // Of the word in which the leaf ends only its own bytes count, and a one follows them.
    const cut = k.let('p', 'setp.lt.u32', left, 4)
    const bits = k.let('r', 'shl.b32', left, 3)
    const rest = k.let('r', 'shr.u32', k.let('r', 'mov.b32', 0xffffffff), bits)
    const kept = k.let('r', 'xor.b32', rest, 0xffffffff)
    const one = k.let('r', 'shr.u32', k.let('r', 'mov.b32', 0x80000000), bits)
    const whole = swapped(k, raw)
    const ended = k.let('r', 'or.b32', k.let('r', 'and.b32', whole, kept), one)
    const word = k.let('r', 'selp.b32', ended, whole, cut)
    words.push(shifted(k, previous, word))
    previous = word
  }
  k.emit(`mov.b32 ${before}, ${previous}`)
  const lengthBits = k.let('r', 'mad.lo.u32', length, 8, 8)
  words[15] = k.let('r', 'selp.b32', lengthBits, words[15]!, isLast)
  compress(k, state, words).forEach((x, i) => {
    k.emit(`mov.b32 ${state[i]}, ${x}`)
  })
  k.emit(`add.u32 ${block}, ${block}, 1`)
  k.emit(`@${k.let('p', 'setp.lt.u32', block, blocks)} bra ${loop}`)
  storeDigest(k, k.let('d', 'add.s64', k.parameter(0), k.let('d', 'mul.wide.u32', number, 32)), state)
  k.emit('ret')
  return k
}

/** Parameters: digests out, digests in, how many in. A thread hashes 01 and a pair; a pair of zeros is zero. */
export const parentKernel = (): PtxKernel => {
  const k = new PtxKernel('sha256_parents', THREADS, 3)
  const count = k.let('r', 'cvt.u32.u64', k.integer(2))
  const pairs = k.let('r', 'shr.u32', k.let('r', 'add.u32', count, 1), 1)
  const number = threadsOf(k, pairs)
  const from = k.let('d', 'add.s64', k.parameter(1), k.let('d', 'mul.wide.u32', number, 64))
  const to = k.let('d', 'add.s64', k.parameter(0), k.let('d', 'mul.wide.u32', number, 32))
  const second = k.let('r', 'mad.lo.u32', number, 2, 1)
  const hasRight = k.let('p', 'setp.lt.u32', second, count)
  const digests = Array.from({ length: 16 }, (_, i) => {
    const raw = k.let('r', 'mov.b32', 0)
    k.emit(`${i < 8 ? '' : `@${hasRight} `}ld.global.u32 ${raw}, [${from}+${4 * i}]`)
    return swapped(k, raw)
  })
  const any = digests.reduce((x, y) => k.let('r', 'or.b32', x, y))
  const isZero = k.let('p', 'setp.eq.u32', any, 0)
  const tag = k.let('r', 'mov.b32', 1)
  const zero = k.let('r', 'mov.b32', 0)
  const first = digests.map((d, i) => shifted(k, i === 0 ? tag : digests[i - 1]!, d))
  const one = k.let('r', 'mov.b32', 0x80000000)
  const last = Array.from({ length: 16 }, (_, i) =>
    i === 0 ? shifted(k, digests[15]!, one) : i === 15 ? k.let('r', 'mov.b32', 8 * 65) : zero,
  )
  const start = Array.from(SHA256_START, (x) => k.let('r', 'mov.b32', x))
  const state = compress(k, compress(k, start, first), last)
  storeDigest(
    k,
    to,
    state.map((x) => k.let('r', 'selp.b32', 0, x, isZero)),
  )
  k.emit('ret')
  return k
}
