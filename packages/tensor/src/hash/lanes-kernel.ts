import { Fn, I32, type Local, V128 } from '../wasm/emitter.ts'
import { DIGEST_BYTES } from './batch-hash.ts'
import { extendSchedule } from './sha256.ts'
import { ROUND, START } from './sha256-constants.ts'

/**
 * SHA-256 of four messages side by side, each a tag byte and then 64 or 256 bytes that stand in memory as they are.
 *
 * Words of four bytes begin one byte before the data, where the tag belongs: vectors are loaded from there, four of
 * each message, turned to big-endian and transposed. The last block of a message holds one byte of it and padding that
 * never changes, so its whole schedule is one of 256 rows of a table. State, schedule and rounds stay in locals.
 */

const LANES = 4
const BLOCK = 64
/** The rounds' constants, each in four lanes; then the state before the first block, and the mask that swaps bytes. */
const CONSTANTS_AT = 0
const START_AT: number = CONSTANTS_AT + 16 * ROUND.length
const SWAP_AT: number = START_AT + 16 * START.length
const ROW = 4 * ROUND.length
const TABLE = 256 * ROW
const tableAt = (blocks: number): number => 4096 + (blocks === 1 ? 0 : TABLE)
/** From here on the memory is free. */
export const LANES_END: number = tableAt(2) + TABLE

/** Writes what the kernels read beside their arguments; `memory` is the beginning of theirs. */
export const fillConstants = (memory: Uint8Array<ArrayBuffer>): void => {
  const words = new Uint32Array(memory.buffer)
  ROUND.forEach((word, t) => words.fill(word, CONSTANTS_AT / 4 + 4 * t, CONSTANTS_AT / 4 + 4 * t + 4))
  START.forEach((word, i) => words.fill(word, START_AT / 4 + 4 * i, START_AT / 4 + 4 * i + 4))
  for (let i = 0; i < 16; i++) memory[SWAP_AT + i] = i ^ 3
  const schedule = new Uint32Array(ROUND.length)
  for (const blocks of [1, 4]) {
    const bits = 8 * (BLOCK * blocks + 1)
    for (let last = 0; last < 256; last++) {
      schedule.fill(0)
      schedule[0] = (last << 24) | (0x80 << 16)
      schedule[15] = bits
      extendSchedule(schedule)
      words.set(
        schedule.map((word, t) => word + ROUND[t]!),
        (tableAt(blocks) + ROW * last) / 4,
      )
    }
  }
}

type Vectors = readonly Local[]

/** Four rows of four words as four words of four rows: what is loaded by message comes out by word. */
const transpose = (f: Fn, rows: Vectors): Local[] => {
  const pair = (a: Local, b: Local, lanes: readonly number[]): Local =>
    f
      .get(a)
      .get(b)
      .shuffleWords(...lanes)
      .keep(V128)
  const [low, high, wide, deep] = [
    [0, 4, 1, 5],
    [2, 6, 3, 7],
    [0, 1, 4, 5],
    [2, 3, 6, 7],
  ] as const
  const [a, b] = [pair(rows[0]!, rows[1]!, low), pair(rows[0]!, rows[1]!, high)]
  const [c, d] = [pair(rows[2]!, rows[3]!, low), pair(rows[2]!, rows[3]!, high)]
  return [pair(a, c, wide), pair(a, c, deep), pair(b, d, wide), pair(b, d, deep)]
}

const shifted = (f: Fn, x: Local, by: number): Fn => f.get(x).i32(by).v('i32x4.shr_u')
const rotated = (f: Fn, x: Local, by: number): Fn =>
  shifted(f, x, by)
    .get(x)
    .i32(32 - by)
    .v('i32x4.shl')
    .v('v128.or')

/** The three rotations of a vector, or two and a shift, as one sum without carries. */
const mixed = (f: Fn, x: Local, [a, b, c]: readonly [number, number, number], isShift = false): Fn => {
  rotated(f, x, a)
  rotated(f, x, b).v('v128.xor')
  return (isShift ? shifted(f, x, c) : rotated(f, x, c)).v('v128.xor')
}

/** Sixteen rounds over the eight `work` locals, which hold a to h before and after; `word` pushes round t's word and constant. */
const rounds = (f: Fn, work: Vectors, word: (t: number) => void): void => {
  const first = f.local(V128)
  // What a and b differ in is what b and c differ in one round later.
  const differs = [f.local(V128), f.local(V128)]
  f.get(work[1]!).get(work[2]!).v('v128.xor').set(differs[1]!)
  for (let t = 0; t < 16; t++) {
    const at = (i: number): Local => work[(i - t + 16) & 7]!
    const [a, b, d, e, f_, g, h] = [at(0), at(1), at(3), at(4), at(5), at(6), at(7)]
    const [now, before] = [differs[t & 1]!, differs[(t + 1) & 1]!]
    word(t)
    f.get(h).v('i32x4.add')
    f.get(f_).get(g).v('v128.xor').get(e).v('v128.and').get(g).v('v128.xor').v('i32x4.add')
    mixed(f, e, [6, 11, 25]).v('i32x4.add').set(first)
    f.get(d).get(first).v('i32x4.add').set(d)
    // The majority of a, b and c is b where b and c are equal or a and b are, else a, which c then is.
    f.get(a).get(b).v('v128.xor').tee(now).get(before).v('v128.and').get(b).v('v128.xor')
    mixed(f, a, [2, 13, 22]).v('i32x4.add').get(first).v('i32x4.add').set(h)
  }
}

/** One function: (address of the first message, groups of four, address of the first digest). */
export const lanesKernel = (tag: number, blocks: 1 | 4): Fn => {
  const stride = BLOCK * blocks
  const f = new Fn([I32, I32, I32])
  const [at, groups, to] = [0, 1, 2]
  const vectors = (count: number): Local[] => Array.from({ length: count }, () => f.local(V128))
  const [state, work, words] = [vectors(8), vectors(8), vectors(16)]
  const [block, constant] = [f.local(I32), f.local(I32)]
  const mask = f.local(V128)
  const swap = f.i32(SWAP_AT).memory('v128.load').keep(V128)
  const swapped = (): Fn => f.get(swap).v('i8x16.swizzle')
  const load = (address: Local, offset: number): Local =>
    f.get(address).memory('v128.load', offset).keep(V128)
  const begin = (): void => {
    state.forEach((s, i) => f.get(s).set(work[i]!))
  }
  const end = (): void => {
    state.forEach((s, i) => f.get(s).get(work[i]!).v('i32x4.add').set(s))
  }

  f.loop((nextGroup) => {
    const zeros = blocks === 1 ? zeroPairs(f, at) : []
    state.forEach((s, i) =>
      f
        .i32(0)
        .memory('v128.load', START_AT + 16 * i)
        .set(s),
    )
    // The tag is where the byte before the message was loaded.
    f.words(0x00ffffff, 0x00ffffff, 0x00ffffff, 0x00ffffff).set(mask)
    const scheduled = (): void => {
      begin()
      for (let i = 0; i < 16; i += LANES) {
        const rows = Array.from({ length: LANES }, (_, lane) => {
          f.get(block).memory('v128.load', stride * lane + 4 * i)
          return swapped().keep(V128)
        })
        transpose(f, rows).forEach((word, j) => f.get(word).set(words[i + j]!))
      }
      f.get(words[0]!).get(mask).v('v128.and').set(words[0]!)
      if (tag !== 0)
        f.get(words[0]!)
          .splat(tag << 24)
          .v('v128.or')
          .set(words[0]!)
      rounds(f, work, (t) =>
        f
          .i32(0)
          .memory('v128.load', CONSTANTS_AT + 16 * t)
          .get(words[t]!)
          .v('i32x4.add'),
      )
      f.i32(CONSTANTS_AT + 16 * 16).set(constant)
      f.loop((again) => {
        rounds(f, work, (t) => {
          const word = (i: number): Local => words[(t + i) & 15]!
          mixed(f, word(1), [7, 18, 3], true)
          mixed(f, word(14), [17, 19, 10], true).v('i32x4.add')
          f.get(word(9)).v('i32x4.add').get(word(0)).v('i32x4.add').tee(word(0))
          f.get(constant)
            .memory('v128.load', 16 * t)
            .v('i32x4.add')
        })
        f.get(constant)
          .i32(16 * 16)
          .op('i32.add')
          .tee(constant)
        f.i32(CONSTANTS_AT + 16 * 64)
          .op('i32.lt_u')
          .brIf(again)
      })
      end()
    }
    f.get(at).i32(1).op('i32.sub').set(block)
    if (blocks === 1) scheduled()
    else {
      const last = f.get(block).i32(stride).op('i32.add').keep(I32)
      f.loop((again) => {
        scheduled()
        f.words(-1, -1, -1, -1).set(mask)
        f.get(block).i32(BLOCK).op('i32.add').tee(block).get(last).op('i32.lt_u').brIf(again)
      })
    }
    // Each message's row of the table stands for its last block.
    begin()
    const rowsAt = Array.from({ length: LANES }, (_, lane) => {
      f.get(at).memory('i32.load8_u', stride * (lane + 1) - 1)
      return f.i32(ROW).op('i32.mul').keep(I32)
    })
    f.i32(0).set(block)
    f.loop((again) => {
      const row = rowsAt.map((r) => f.get(r).get(block).op('i32.add').keep(I32))
      let group: readonly Local[] = []
      rounds(f, work, (t) => {
        if (t % LANES === 0)
          group = transpose(
            f,
            row.map((r) => load(r, tableAt(blocks) + 4 * t)),
          )
        f.get(group[t % LANES]!)
      })
      f.get(block).i32(64).op('i32.add').tee(block).i32(ROW).op('i32.lt_u').brIf(again)
    })
    end()
    for (const half of [0, 4])
      transpose(f, state.slice(half, half + 4)).forEach((digest, lane) => {
        f.get(to).get(digest)
        swapped().memory('v128.store', DIGEST_BYTES * lane + 4 * half)
      })
    zeros.forEach((isZero, lane) =>
      f.get(isZero).if(() => {
        for (const half of [0, 16])
          f.get(to)
            .words(0, 0, 0, 0)
            .memory('v128.store', DIGEST_BYTES * lane + half)
      }),
    )
    f.get(at)
      .i32(LANES * stride)
      .op('i32.add')
      .set(at)
    f.get(to)
      .i32(LANES * DIGEST_BYTES)
      .op('i32.add')
      .set(to)
    f.get(groups).i32(1).op('i32.sub').tee(groups).brIf(nextGroup)
  })
  return f
}

/** For each of the next four pairs of digests, whether all of it is zero. */
const zeroPairs = (f: Fn, at: Local): Local[] =>
  Array.from({ length: LANES }, (_, lane) => {
    for (let i = 0; i < BLOCK; i += 16) {
      f.get(at).memory('v128.load', BLOCK * lane + i)
      if (i > 0) f.v('v128.or')
    }
    return f.v('v128.any_true').op('i32.eqz').keep(I32)
  })
