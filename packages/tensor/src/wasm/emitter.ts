import { LANE_MEMORY, MEMORY, PLAIN, SIMD } from './opcodes.ts'

/** Value types by their byte. */
export const I32 = 0x7f
export const I64 = 0x7e
export const V128 = 0x7b
export type Type = typeof I32 | typeof I64 | typeof V128
/** The block type of a block that leaves nothing. */
const EMPTY = 0x40
const SPLAT_I64 = 0x12

const unsigned = (out: number[], n: number): void => {
  let rest = n >>> 0
  while (rest >= 0x80) {
    out.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  out.push(rest)
}

/** A 32-bit integer, without the cost of a BigInt: most constants are such. */
const signed32 = (out: number[], n: number): void => {
  let rest = n | 0
  for (;;) {
    const low = rest & 0x7f
    rest >>= 7
    if ((rest === 0 && !(low & 0x40)) || (rest === -1 && low & 0x40)) {
      out.push(low)
      return
    }
    out.push(low | 0x80)
  }
}

const signed = (out: number[], n: bigint): void => {
  let rest = n
  for (;;) {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    if ((rest === 0n && !(low & 0x40)) || (rest === -1n && low & 0x40)) {
      out.push(low)
      return
    }
    out.push(low | 0x80)
  }
}

/** A local variable's number, or a label: the depth at which a block was opened. */
export type Local = number
export type Label = number

/** One function's body, written instruction by instruction. Methods return the writer, so code reads in stack order. */
export class Fn {
  readonly params: readonly Type[]
  readonly results: readonly Type[]
  readonly #locals: Type[] = []
  readonly #bytes: number[] = []
  readonly #first: number[] = []
  readonly #constants = new Map<string, Local>()
  #depth = 0

  constructor(params: readonly Type[], results: readonly Type[] = []) {
    this.params = params
    this.results = results
  }

  local(type: Type): Local {
    this.#locals.push(type)
    return this.params.length + this.#locals.length - 1
  }

  get(local: Local): this {
    this.#bytes.push(0x20)
    unsigned(this.#bytes, local)
    return this
  }
  set(local: Local): this {
    this.#bytes.push(0x21)
    unsigned(this.#bytes, local)
    return this
  }
  tee(local: Local): this {
    this.#bytes.push(0x22)
    unsigned(this.#bytes, local)
    return this
  }
  /** The value on the stack, kept in a new local. */
  keep(type: Type): Local {
    const local = this.local(type)
    this.set(local)
    return local
  }

  i32(n: number): this {
    this.#bytes.push(0x41)
    signed32(this.#bytes, n)
    return this
  }
  i64(n: number): this {
    this.#bytes.push(0x42)
    signed(this.#bytes, BigInt(n))
    return this
  }
  words(a: number, b: number, c: number, d: number): this {
    this.#bytes.push(0xfd, 0x0c)
    for (const w of [a, b, c, d])
      this.#bytes.push(w & 255, (w >>> 8) & 255, (w >>> 16) & 255, (w >>> 24) & 255)
    return this
  }
  /** Four lanes of one pattern. */
  splat(pattern: number): this {
    if (pattern === 0) return this.words(0, 0, 0, 0)
    return this.get(this.constant(pattern, pattern))
  }

  /**
   * A local with the same 64 bits in both halves, made once where the function begins: engines make a vector constant
   * anew, in several instructions, wherever it is used.
   */
  constant(low: number, high: number): Local {
    const key = `${low} ${high}`
    const known = this.#constants.get(key)
    if (known !== undefined) return known
    const local = this.local(V128)
    this.#first.push(0x42)
    signed(this.#first, BigInt.asIntN(64, (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)))
    this.#first.push(0xfd, SPLAT_I64, 0x21)
    unsigned(this.#first, local)
    this.#constants.set(key, local)
    return local
  }

  op(name: keyof typeof PLAIN): this {
    this.#bytes.push(PLAIN[name])
    return this
  }
  v(name: keyof typeof SIMD): this {
    this.#bytes.push(0xfd)
    unsigned(this.#bytes, SIMD[name])
    return this
  }
  memory(name: keyof typeof MEMORY, offset = 0): this {
    this.#bytes.push(...MEMORY[name], 0)
    unsigned(this.#bytes, offset)
    return this
  }
  laneMemory(name: keyof typeof LANE_MEMORY, lane: number, offset = 0): this {
    this.#bytes.push(0xfd, LANE_MEMORY[name], 0)
    unsigned(this.#bytes, offset)
    this.#bytes.push(lane)
    return this
  }
  extract(lane: number): this {
    this.#bytes.push(0xfd, 0x1b, lane)
    return this
  }
  replace(lane: number): this {
    this.#bytes.push(0xfd, 0x1c, lane)
    return this
  }
  shuffle(lanes: readonly number[]): this {
    this.#bytes.push(0xfd, 0x0d, ...lanes)
    return this
  }
  /** Chooses 32-bit lanes out of the eight of two vectors. */
  shuffleWords(...words: readonly number[]): this {
    return this.shuffle(words.flatMap((w) => [4 * w, 4 * w + 1, 4 * w + 2, 4 * w + 3]))
  }
  call(index: number): this {
    this.#bytes.push(0x10)
    unsigned(this.#bytes, index)
    return this
  }

  block(body: (label: Label) => void): this {
    return this.#open(0x02, EMPTY, body)
  }
  loop(body: (label: Label) => void): this {
    return this.#open(0x03, EMPTY, body)
  }
  if(then: (label: Label) => void, otherwise?: () => void): this {
    return this.#open(0x04, EMPTY, then, otherwise)
  }
  ifV128(then: () => void, otherwise: () => void): this {
    return this.#open(0x04, V128, then, otherwise)
  }
  br(label: Label): this {
    this.#bytes.push(0x0c)
    unsigned(this.#bytes, this.#depth - label)
    return this
  }
  brIf(label: Label): this {
    this.#bytes.push(0x0d)
    unsigned(this.#bytes, this.#depth - label)
    return this
  }

  #open(code: number, type: number, body: (label: Label) => void, otherwise?: () => void): this {
    this.#bytes.push(code, type)
    body(++this.#depth)
    if (otherwise) {
      this.#bytes.push(0x05)
      otherwise()
    }
    this.#depth--
    this.#bytes.push(0x0b)
    return this
  }

  encode(): Uint8Array {
    const locals: number[] = []
    const groups: { type: Type; count: number }[] = []
    for (const type of this.#locals) {
      const last = groups.at(-1)
      if (last?.type === type) last.count++
      else groups.push({ type, count: 1 })
    }
    unsigned(locals, groups.length)
    for (const g of groups) {
      unsigned(locals, g.count)
      locals.push(g.type)
    }
    return joined([locals, this.#first, this.#bytes, [0x0b]])
  }
}

/** Every kernel: (first unit, end unit, address of its argument table, address of the thread's scratch). */
export const KERNEL: readonly Type[] = [I32, I32, I32, I32]

/** A function that a module imports as e.NAME. */
export type ImportedFunction = { readonly name: string; readonly params: readonly Type[] }

/**
 * A module that imports one memory, as e.m, and functions; it exports its own functions by number. Numbers begin with
 * the imported ones. Equal functions are one.
 */
export class ModuleWriter {
  readonly #imports: readonly ImportedFunction[]
  readonly #types: string[] = []
  readonly #functions: { type: number; body: Uint8Array }[] = []
  /** Numbers of functions, by a hash of their bytes. */
  readonly #known = new Map<number, number[]>()

  constructor(imports: readonly ImportedFunction[] = []) {
    this.#imports = imports
    for (const { params } of imports) this.#type(params, [])
  }

  add(fn: Fn): number {
    const body = fn.encode()
    const type = this.#type(fn.params, fn.results)
    const key = hashOf(body)
    const alike = this.#known.get(key) ?? []
    const first = this.#imports.length
    const known = alike.find((number) => {
      const other = this.#functions[number - first]!
      return other.type === type && sameBytes(other.body, body)
    })
    if (known !== undefined) return known
    const number = first + this.#functions.length
    this.#functions.push({ type, body })
    this.#known.set(key, [...alike, number])
    return number
  }

  #type(params: readonly Type[], results: readonly Type[]): number {
    const key = [0x60, params.length, ...params, results.length, ...results].join()
    const known = this.#types.indexOf(key)
    if (known >= 0) return known
    return this.#types.push(key) - 1
  }

  encode(memory: { initial: number; maximum: number; shared: boolean }): Uint8Array<ArrayBuffer> {
    const limits = [memory.shared ? 0x03 : 0x01]
    unsigned(limits, memory.initial)
    unsigned(limits, memory.maximum)
    const types = this.#types.map((t) => t.split(',').map(Number))
    const exports = this.#functions.map((_, i) => {
      const number = this.#imports.length + i
      const out = [...ascii(String(number)), 0x00]
      unsigned(out, number)
      return out
    })
    const imports = this.#imports.map(({ name, params }) => [
      ...ascii('e'),
      ...ascii(name),
      0x00,
      ...leb(this.#type(params, [])),
    ])
    const sections: [number, Bytes][] = [
      [1, vector(types)],
      [2, vector([[...ascii('e'), ...ascii('m'), 0x02, ...limits], ...imports])],
      [3, vector(this.#functions.map((f) => leb(f.type)))],
      [7, vector(exports)],
      [10, vector(this.#functions.map((f) => joined([leb(f.body.length), f.body])))],
    ]
    const parts = sections.flatMap(([id, bytes]): Bytes[] => [[id], leb(bytes.length), bytes])
    return joined([MAGIC, ...parts])
  }
}

type Bytes = readonly number[] | Uint8Array
const MAGIC = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]

const joined = (parts: readonly Bytes[]): Uint8Array<ArrayBuffer> => {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0))
  let at = 0
  for (const p of parts) {
    out.set(p, at)
    at += p.length
  }
  return out
}

/** A number that equal bytes have in common: FNV-1a (Fowler, Noll and Vo) over 32 bits. */
const hashOf = (bytes: Uint8Array): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash
}
const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

const leb = (n: number): number[] => {
  const out: number[] = []
  unsigned(out, n)
  return out
}
const ascii = (name: string): number[] => [name.length, ...[...name].map((c) => c.charCodeAt(0))]
const vector = (items: readonly Bytes[]): Uint8Array => joined([leb(items.length), ...items])
