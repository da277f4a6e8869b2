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
  const inner = node.shape[at]! / split
  const full = iterationSpace(node)
  if (full.includes(0)) return undefined
  const shape = [inner, ...node.shape.slice(at + 1)]
  const space = [inner, ...full.slice(at + 1)]

  /** The unit's part of a form by digit, and the rest over the part's space. */
  const divide = (form: Affine): { by: number[]; rest: Affine } => {
    const by = Array.from({ length: at + 1 }, () => 0)
    const terms: { at: number; by: number }[] = []
    for (const t of form.terms) {
      if (t.at < at) by[t.at] = t.by
      else {
        if (t.at === at) by[at] = t.by * inner
        if (space[t.at - at] !== 1) terms.push({ at: t.at - at, by: t.by })
      }
    }
    return { by, rest: { base: form.base, terms } }
  }
  const moves = (form: Affine): boolean => divide(form).by.some((n, d) => n !== 0 && digits[d] !== 1)
  const digits = [...node.shape.slice(0, at), split]

  const loads: CutLoad[] = []
  const addLoad = (ref: Ref, view: readonly number[], coords: readonly Coord[]): Ref => {
    const by = digits.map(() => 0)
    const steps = space.map(() => 0) // of the address, along what is left
    let base = 0
    let stride = 1
    let plain = true
    const used = new Set<number>()
    for (let d = view.length - 1; d >= 0; d--) {
      const c = coords[d]!
      if (isWordCoord(c)) {
        plain = false
        for (const form of c.word.coords)
          for (const t of form.terms) if (t.at >= at && space[t.at - at] !== 1) used.add(t.at - at)
      } else {
        base += c.base * stride
        for (const t of c.terms)
          if (t.at < at) by[t.at]! += t.by * stride
          else {
            if (t.at === at) by[at]! += t.by * inner * stride
            if (space[t.at - at] === 1) continue
            steps[t.at - at]! += t.by * stride
            used.add(t.at - at)
          }
      }
      stride *= view[d]!
    }
    let [low, high] = [base, base]
    steps.forEach((step, d) => {
      const far = step * (space[d]! - 1)
      if (far < 0) low += far
      else high += far
    })
    let reach = 1
    for (const d of used) reach *= space[d]!
    loads.push({ ref, by, range: plain ? [low, high] : undefined, reach })
    return { from: 'input', index: loads.length - 1 }
  }
  const cutWord = (word: WordRead): WordRead => ({
    ...word,
    ref: addLoad(word.ref, word.view, word.coords),
    coords: word.coords.map((c) => divide(c).rest),
  })
  const cutRead = (read: Read): Read | undefined => {
    // where the pad replaces an element must be the same in all units
    const padded = read.coords.some((c, d) => {
      if (read.pad === undefined || isWordCoord(c) || !moves(c)) return false
      const [low, high] = rangeOf(c, full)
      return low < 0 || high >= read.view[d]!
    })
    if (padded) return undefined
    return {
      ...read,
      ref: addLoad(read.ref, read.view, read.coords),
      coords: read.coords.map((c) => (isWordCoord(c) ? { word: cutWord(c.word) } : divide(c).rest)),
    }
  }
  const cutScalar = (program: ScalarProgram): ScalarProgram | undefined => {
    if (!program.code.some((c) => c.op === 'index')) return program
    if (program.code.some((c) => c.op === 'index' && (c.immediate < at || (c.immediate === at && split > 1))))
      return undefined
    const code = program.code.map((c) => (c.op === 'index' ? { ...c, immediate: c.immediate - at } : c))
    return { ...program, code }
  }

  const reads = node.reads.map(cutRead)
  if (!reads.every((r) => r !== undefined)) return undefined
  const made = { units, digits, loads, part: size(shape) }
  if (node.kind === 'map') {
    const program = cutScalar(node.program)
    return program && { ...made, node: { ...node, shape, reads, program } }
  }
  const step = cutScalar(node.step)
  const init = initOf(node)
  const cutInit = init && cutRead(init)
  if (!step || (init && !cutInit)) return undefined
  const side = (s: Guard['left']): Guard['left'] | undefined =>
    isWordCoord(s) ? { word: cutWord(s.word) } : moves(s) ? undefined : divide(s).rest
  const guards: Guard[] = []
  for (const g of node.guards) {
    const [left, right] = [side(g.left), side(g.right)]
    if (!left || !right) return undefined
    guards.push({ ...g, left, right })
  }
  const order = node.order.kind !== 'blocked' && cutInit ? { ...node.order, init: cutInit } : node.order
  return { ...made, node: { ...node, shape, reads, step, guards, order } }
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
