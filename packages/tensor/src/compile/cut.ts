import { rangeOf } from '../front/affine.ts'
import {
  type Affine,
  type Coord,
  type Guard,
  isWordCoord,
  type Node,
  type Read,
  type Ref,
  type WordRead,
} from '../node.ts'
import type { ScalarProgram } from '../scalar/scalar-program.ts'
import { size } from '../shape.ts'
import { iterationSpace } from '../validate.ts'
import { initOf } from './refs.ts'

/**
 * A node cut into units: unit u computes the u-th of equal, contiguous parts of its tensor. What is left is one node
 * that every unit runs, reading each of its sources from where the unit begins there.
 */
export type Cut = {
  readonly units: number
  /** A unit's number in digits, the last fastest. */
  readonly digits: readonly number[]
  /** The part as a node. What it calls input k is load k. */
  readonly node: Node
  readonly loads: readonly CutLoad[]
  /** Elements of a unit's part of the tensor. */
  readonly part: number
}
/** One read or word of the node: where it begins in a unit is the sum of `by` times the unit's digits, in elements. */
export type CutLoad = {
  readonly ref: Ref
  readonly by: readonly number[]
  /** The elements that a unit reads, from where it begins: least and greatest; undefined where a word decides. */
  readonly range: readonly [number, number] | undefined
  /** How many elements a unit can read at most. */
  readonly reach: number
}

/** The node in so many units; undefined where its dimensions or its meaning do not allow it. */
export const cutNode = (node: Node, units: number): Cut | undefined => {
  const isScan = node.kind === 'fold' && node.order.kind === 'scan'
  const rank = isScan ? node.shape.length - node.box.length : node.shape.length
  // the first dimensions whole, and a divisor of dimension `at`
  let at = 0
  let before = 1
  while (at < rank && before * node.shape[at]! < units) before *= node.shape[at++]!
  const split = units / before
  if (at >= rank || !Number.isInteger(split) || node.shape[at]! % split !== 0) return undefined
  const full = iterationSpace(node)
  if (full.includes(0)) return undefined
  const inner = node.shape[at]! / split
  const knife = new Knife(full, at, [...node.shape.slice(0, at), split], inner)

  const scalar = node.kind === 'map' ? node.program : node.step
  const init = initOf(node)
  const isLegal =
    scalar.code.every((c) => c.op !== 'index' || (c.immediate >= at && !knife.moves(c.immediate))) &&
    node.reads.every((r) => !knife.movesPad(r)) &&
    (init === undefined || !knife.movesPad(init)) &&
    (node.kind === 'map' || node.guards.every((g) => !knife.movesBound(g.left) && !knife.movesBound(g.right)))
  if (!isLegal) return undefined

  let part: Node | undefined
  return {
    units,
    digits: knife.digits,
    loads: knife.loads(node),
    part: inner * size(node.shape.slice(at + 1)),
    // many ways to cut are looked at for each one that is taken
    get node(): Node {
      part ??= knife.part(node)
      return part
    },
  }
}

/** A cut's geometry: dimensions before `at` are a unit's alone, and of dimension `at` it has `inner` places. */
class Knife {
  readonly digits: readonly number[]
  readonly #full: readonly number[]
  readonly #space: readonly number[] // of a unit's part
  readonly #at: number
  readonly #inner: number

  constructor(full: readonly number[], at: number, digits: readonly number[], inner: number) {
    this.digits = digits
    this.#full = full
    this.#at = at
    this.#inner = inner
    this.#space = [inner, ...full.slice(at + 1)]
  }

  /** Whether a coordinate is another one in another unit. */
  moves(dim: number): boolean {
    return dim <= this.#at && this.digits[dim] !== 1
  }
  #formMoves(form: Affine): boolean {
    return form.terms.some((t) => this.moves(t.at))
  }
  /** Whether the pad might replace elements in one unit and not in another. */
  movesPad({ pad, coords, view }: Read): boolean {
    if (pad === undefined) return false
    return coords.some((c, d) => {
      if (isWordCoord(c) || !this.#formMoves(c)) return false
      const [low, high] = rangeOf(c, this.#full)
      return low < 0 || high >= view[d]!
    })
  }
  movesBound(side: Guard['left']): boolean {
    return !isWordCoord(side) && this.#formMoves(side)
  }

  /** Every source of a node in the order in which its part numbers them. */
  loads(node: Node): CutLoad[] {
    const loads: CutLoad[] = []
    const word = (w: WordRead): void => {
      loads.push(this.#load(w.ref, w.view, w.coords))
    }
    const read = (r: Read): void => {
      loads.push(this.#load(r.ref, r.view, r.coords))
      for (const c of r.coords) if (isWordCoord(c)) word(c.word)
    }
    node.reads.forEach(read)
    const init = initOf(node)
    if (init) read(init)
    if (node.kind === 'fold')
      for (const g of node.guards) for (const s of [g.left, g.right]) if (isWordCoord(s)) word(s.word)
    return loads
  }

  #load(ref: Ref, view: readonly number[], coords: readonly Coord[]): CutLoad {
    const space = this.#space
    const by = this.digits.map(() => 0)
    const steps = space.map(() => 0) // of the address, along what is left
    const used = space.map(() => false)
    let base = 0
    let stride = 1
    let plain = true
    for (let d = view.length - 1; d >= 0; d--) {
      const c = coords[d]!
      if (isWordCoord(c)) {
        plain = false
        for (const form of c.word.coords)
          for (const t of form.terms) if (t.at >= this.#at) used[t.at - this.#at] = true
      } else {
        base += c.base * stride
        for (const t of c.terms) {
          const step = t.by * stride
          if (t.at < this.#at) by[t.at]! += step
          else {
            if (t.at === this.#at) by[t.at]! += step * this.#inner
            steps[t.at - this.#at]! += step
            used[t.at - this.#at] = true
          }
        }
      }
      stride *= view[d]!
    }
    let [low, high, reach] = [base, base, 1]
    for (let d = 0; d < space.length; d++) {
      const far = steps[d]! * (space[d]! - 1)
      if (far < 0) low += far
      else high += far
      if (used[d]) reach *= space[d]!
    }
    return { ref, by, range: plain ? [low, high] : undefined, reach }
  }

  /** The node that every unit runs. What it calls input k is load k. */
  part(node: Node): Node {
    let count = 0
    const next = (): Ref => ({ from: 'input', index: count++ })
    const form = (a: Affine): Affine => ({
      base: a.base,
      terms: a.terms.flatMap((t) =>
        t.at < this.#at || this.#space[t.at - this.#at] === 1 ? [] : [{ at: t.at - this.#at, by: t.by }],
      ),
    })
    const word = (w: WordRead): WordRead => ({ ...w, ref: next(), coords: w.coords.map(form) })
    const read = (r: Read): Read => ({
      ...r,
      ref: next(),
      coords: r.coords.map((c) => (isWordCoord(c) ? { word: word(c.word) } : form(c))),
    })
    const scalar = (program: ScalarProgram): ScalarProgram => {
      if (!program.code.some((c) => c.op === 'index')) return program
      const code = program.code.map((c) =>
        c.op === 'index' ? { ...c, immediate: c.immediate - this.#at } : c,
      )
      return { ...program, code }
    }
    const shape = [this.#inner, ...node.shape.slice(this.#at + 1)]
    const reads = node.reads.map(read)
    if (node.kind === 'map') return { ...node, shape, reads, program: scalar(node.program) }
    const init = initOf(node)
    const order = node.order.kind !== 'blocked' && init ? { ...node.order, init: read(init) } : node.order
    const side = (s: Guard['left']): Guard['left'] => (isWordCoord(s) ? { word: word(s.word) } : form(s))
    const guards = node.guards.map((g): Guard => ({ ...g, left: side(g.left), right: side(g.right) }))
    return { ...node, shape, reads, step: scalar(node.step), guards, order }
  }
}

/** Whether a load takes only elements of its own unit's part of a tensor that is cut into as many units. */
export const staysInUnit = ({ digits }: Cut, load: CutLoad, part: number): boolean => {
  let step = part
  for (let d = digits.length - 1; d >= 0; d--) {
    if (digits[d] === 1) continue
    if (load.by[d] !== step) return false
    step *= digits[d]!
  }
  return load.range !== undefined && load.range[0] >= 0 && load.range[1] < part
}
