import {
  addressOf,
  type Bound,
  DTYPES,
  type Guard,
  isWordCoord,
  type Node,
  type Read,
  type Ref,
  type WordRead,
} from '@lockstep/tensor'
import { elementAddress, loadElementCode } from './elements.ts'
import type { PtxKernel } from './kernel-text.ts'
import { type Form, isPlain, rangeOf, type Space } from './space.ts'

/** The sources of a node, each once, in the order in which its kernel takes their addresses. */
export const slotsOf = (node: Node): Ref[] => {
  const slots: Ref[] = []
  const add = (ref: Ref): void => {
    if (!slots.some((s) => isSameRef(s, ref))) slots.push(ref)
  }
  const read = (r: Read): void => {
    add(r.ref)
    for (const c of r.coords) if (isWordCoord(c)) add(c.word.ref)
  }
  node.reads.forEach(read)
  if (node.kind === 'fold') {
    if (node.order.kind !== 'blocked' && typeof node.order.init !== 'number') read(node.order.init)
    for (const g of node.guards) for (const side of [g.left, g.right]) if ('word' in side) add(side.word.ref)
  }
  return slots
}
export const isSameRef = (a: Ref, b: Ref): boolean => a.from === b.from && a.index === b.index

/** A word modulo 2^32 of an exact integer. */
const low = (n: number): number => ((n % 2 ** 32) + 2 ** 32) % 2 ** 32

/**
 * Plain reads whose source's row lies in shared memory, a word an element: the address there of the whole source's first
 * element, were it there, modulo 2^32.
 */
export type Near = ReadonlyMap<Read, string>
export const nearAddress = (k: PtxKernel, near: string, position: string): string =>
  k.let('r', 'mad.lo.u32', position, 4, near)
export const loadNear = (k: PtxKernel, dtype: Read['dtype'], address: string, offset = 0): string =>
  DTYPES[dtype].register === 'f'
    ? k.let('f', 'ld.shared.f32', `[${address}+${offset}]`)
    : k.let('r', 'ld.shared.u32', `[${address}+${offset}]`)

/** One point of a node's space in a thread's registers: its coordinates, and what is read there. */
export class Point {
  readonly k: PtxKernel
  readonly space: Space
  /** Registers of the merged coordinates, the box's after the outer ones. */
  readonly at: readonly string[]
  readonly #bases: ReadonlyMap<string, string>
  readonly #near: Near

  constructor(
    k: PtxKernel,
    space: Space,
    at: readonly string[],
    bases: ReadonlyMap<string, string>,
    near: Near = new Map(),
  ) {
    this.k = k
    this.space = space
    this.at = at
    this.#bases = bases
    this.#near = near
  }

  /** The same kernel at other coordinates. */
  moved(at: readonly string[]): Point {
    return new Point(this.k, this.space, at, this.#bases, this.#near)
  }
  /** Where the source of a plain read lies in shared memory, if it does. */
  near(read: Read): string | undefined {
    return this.#near.get(read)
  }
  base(ref: Ref): string {
    return this.#bases.get(keyOf(ref))!
  }
  /** A form modulo 2^32. */
  word({ base, by }: Form): string {
    const { k } = this
    let sum: string | number = low(base)
    by.forEach((n, d) => {
      if (n === 0) return
      const c = this.at[d]!
      if (n === 1 && sum === 0) sum = c
      else if (n === 1) sum = k.let('r', 'add.u32', c, sum)
      else sum = k.let('r', 'mad.lo.u32', c, low(n), sum)
    })
    return typeof sum === 'number' ? k.let('r', 'mov.b32', sum) : sum
  }
  /** A form in 64 bits, exact. */
  wide({ base, by }: Form): string {
    const { k } = this
    let sum = k.let('d', 'mov.u64', base)
    by.forEach((n, d) => {
      if (n === 0) return
      const c = k.let('d', 'cvt.u64.u32', this.at[d]!)
      sum = k.let('d', 'mad.lo.s64', c, n, sum)
    })
    return sum
  }
  /** A coordinate of the node's own space, for `index`. */
  index(position: number): string {
    return this.word(this.space.form({ base: 0, terms: [{ at: position, by: 1 }] }))
  }
  read(read: Read): string {
    const { k, space } = this
    const near = this.near(read)
    if (near !== undefined)
      return loadNear(k, read.dtype, nearAddress(k, near, this.word(space.form(addressOf(read)!))))
    const base = this.base(read.ref)
    if (isPlain(read)) {
      const position = this.word(space.form(addressOf(read)!))
      return loadElementCode(k, read.dtype, elementAddress(k, base, position, read.dtype))
    }
    let position: string | undefined
    const inside: string[] = []
    read.coords.forEach((coord, d) => {
      const extent = read.view[d]!
      let c: string
      if (isWordCoord(coord)) c = k.let('r', 'min.u32', this.loadWord(coord.word), extent - 1)
      else {
        const form = space.form(coord)
        c = this.word(form)
        const test = read.pad === undefined ? undefined : this.#within(form, c, extent)
        if (test) inside.push(test)
      }
      position = position === undefined ? c : k.let('r', 'mad.lo.u32', position, extent, c)
    })
    position ??= k.let('r', 'mov.b32', 0)
    const address = elementAddress(k, base, position, read.dtype)
    if (inside.length === 0) return loadElementCode(k, read.dtype, address)
    const holds = inside.reduce((a, b) => k.let('p', 'and.pred', a, b))
    return loadElementCode(k, read.dtype, address, 0, { holds, otherwise: read.pad! })
  }
  /** Whether 0 <= form < extent; undefined where that always holds. */
  #within(form: Form, c: string, extent: number): string | undefined {
    const { k, space } = this
    const [least, most] = rangeOf(form, [...space.outer, ...space.box])
    if (least >= 0 && most < extent) return undefined
    // A negative word is a large one.
    if (least >= -(2 ** 31) && most < 2 ** 31) return k.let('p', 'setp.lt.u32', c, extent)
    const value = this.wide(form)
    const notNegative = k.let('p', 'setp.ge.s64', value, 0)
    const below = k.let('p', 'setp.lt.s64', value, extent)
    return k.let('p', 'and.pred', notNegative, below)
  }
  loadWord(word: WordRead): string {
    const position = this.word(this.space.form(addressOf(word)!))
    return loadElementCode(
      this.k,
      word.dtype,
      elementAddress(this.k, this.base(word.ref), position, word.dtype),
    )
  }
  /** A predicate: whether all guards hold. Undefined where there are none. */
  guards(guards: readonly Guard[]): string | undefined {
    const { k } = this
    const tests = guards.map(({ test, left, right }) => {
      const sides = [left, right].map((b) => this.#boundRange(b))
      const least = Math.min(...sides.map(([l]) => l))
      const most = Math.max(...sides.map(([, m]) => m))
      const narrow = (b: Bound): string =>
        'word' in b ? this.loadWord(b.word) : this.word(this.space.form(b))
      if (least >= -(2 ** 31) && most < 2 ** 31)
        return k.let('p', test === 'lt' ? 'setp.lt.s32' : 'setp.eq.u32', narrow(left), narrow(right))
      if (least >= 0 && most < 2 ** 32)
        return k.let('p', test === 'lt' ? 'setp.lt.u32' : 'setp.eq.u32', narrow(left), narrow(right))
      const exact = (b: Bound): string =>
        'word' in b ? k.let('d', 'cvt.u64.u32', this.loadWord(b.word)) : this.wide(this.space.form(b))
      return k.let('p', test === 'lt' ? 'setp.lt.s64' : 'setp.eq.s64', exact(left), exact(right))
    })
    return tests.length === 0 ? undefined : tests.reduce((a, b) => k.let('p', 'and.pred', a, b))
  }
  #boundRange(bound: Bound): readonly [number, number] {
    if ('word' in bound) return [0, bound.word.dtype === 'u8' ? 255 : 2 ** 32 - 1]
    return rangeOf(this.space.form(bound), [...this.space.outer, ...this.space.box])
  }
}

const keyOf = (ref: Ref): string => `${ref.from} ${ref.index}`

/** The addresses of a node's sources, from the parameters from `first` on. */
export const loadBases = (k: PtxKernel, slots: readonly Ref[], first: number): Map<string, string> =>
  new Map(slots.map((ref, i) => [keyOf(ref), k.parameter(first + i)]))

/** The coordinates of a row-major number. Division by a constant is a multiplication when the driver has read it. */
export const unravelCode = (k: PtxKernel, flat: string, extents: readonly number[]): string[] => {
  const at: string[] = []
  let rest = flat
  for (let d = extents.length - 1; d > 0; d--) {
    const quotient = k.let('r', 'div.u32', rest, extents[d]!)
    const times = k.let('r', 'mul.lo.u32', quotient, extents[d]!)
    at[d] = k.let('r', 'sub.u32', rest, times)
    rest = quotient
  }
  if (extents.length > 0) at[0] = rest
  return at
}

/** The thread's number in the whole launch; the thread ends where it is not below `count`. */
export const threadNumber = (k: PtxKernel, count: number): string => threadsOf(k, count)

/** The same, where the count is known when the kernel runs. */
export const threadsOf = (k: PtxKernel, count: number | string): string => {
  const block = k.let('r', 'mov.u32', '%ctaid.x')
  const thread = k.let('r', 'mov.u32', '%tid.x')
  const number = k.let('r', 'mad.lo.u32', block, k.threads, thread)
  const outside = k.let('p', 'setp.ge.u32', number, count)
  k.emit(`@${outside} ret`)
  return number
}

/** The bytes of an element in memory. */
export const bytesOf = (dtype: Read['dtype']): number => DTYPES[dtype].bytes
