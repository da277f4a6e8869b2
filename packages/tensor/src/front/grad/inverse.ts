import type { Affine } from '../../node.ts'
import * as affine from '../affine.ts'
import { substituteGuard } from '../substitute.ts'
import type { GuardLookup, Lookup } from '../vertex.ts'

/**
 * The inverse of a read. A read says which place of its source each point of an iteration space looks at; its
 * gradient needs, for each place, the points that look there. This plans that as a new space: output coordinates that
 * run over places, box coordinates that run over the points of one place, and what the old coordinates are in them.
 *
 * Each view dimension is inverted on its own:
 *   one term, by 1 or -1         the place says the coordinate: permutations, slices, flips
 *   terms like digits            4 a + b with b < 4, strides, merged dimensions: one output coordinate per digit
 *   terms that overlap           windows: one coordinate is solved for, the others are summed; a stride s splits the
 *                                places into s phases
 *   a word                       gather: every point is asked whether its word is the place (a scatter)
 *   anything else                every point is asked whether its coordinate is the place: right, but slow
 * Coordinates in no view dimension are summed: broadcasting.
 */
export type Inverse = {
  readonly extents: readonly number[] // of the new space: outputs first, then the box
  readonly outputs: number // how many of them are outputs
  readonly place: readonly Affine[] // old coordinates over the new space
  readonly guards: readonly GuardLookup[] // over the new space
  readonly ranges: readonly number[] // old coordinates that may leave [0, extent): points that do not exist
  readonly parts: readonly Part[] // per view dimension, how its outputs lie in it
  readonly scatter: boolean // a word is asked
}

/**
 * The outputs of one view dimension, most significant first: digit i has `extents[i]` values in `radices[i]` places.
 * Merged they start at place `start`; what lies outside of the dimension does not exist.
 */
export type Part = {
  readonly extents: readonly number[]
  readonly radices: readonly number[]
  readonly start: number
}

/** A new coordinate: an output, for a place in view dimension `part`, or of the box, for old coordinate `old`. */
type Draft = { readonly extent: number } & ({ readonly part: number } | { readonly old: number })

/**
 * `owned` says which old coordinates are outputs of the reading node; those are solved for first, because there the
 * upstream gradient can be padded. `fixed` coordinates must stay in range: words are read at them.
 */
export const invertRead = (
  read: Lookup,
  space: readonly number[],
  owned: (at: number) => boolean,
  fixed: (at: number) => boolean,
): Inverse | undefined => {
  const drafts: Draft[] = []
  const add = (draft: Draft): Affine => {
    drafts.push(draft)
    return affine.coordinate(drafts.length - 1)
  }
  const place: (Affine | undefined)[] = space.map((e) => (e === 1 ? affine.constant(0) : undefined))
  const free = (at: number): Affine => {
    const known = place[at] ?? add({ extent: space[at]!, old: at })
    place[at] = known
    return known
  }
  const guards: GuardLookup[] = []
  const ranges = new Set<number>()
  const parts: Part[] = []
  let scatter = false

  for (const [v, coord] of read.coords.entries()) {
    const places = read.view[v]!
    if ('word' in coord) continue
    const c = affine.prune(coord, space)
    const open = c.terms.filter((t) => place[t.at] === undefined)
    const [low, high] = affine.rangeOf(c, space)
    if (high < 0 || low >= places) return undefined // only padding is ever read

    if (open.length === c.terms.length) {
      const digits = digitsOf(c, space)
      if (digits) {
        const unit = digits.at(-1)?.by ?? 1
        // One digit of unit step can be cut to the places that exist; others are cut when they are placed.
        const [skip, count] =
          digits.length === 1 && unit === 1
            ? [Math.max(0, -low), Math.min(high, places - 1) - Math.max(low, 0) + 1]
            : [0, undefined]
        const extents: number[] = []
        for (const t of digits) {
          const extent = count ?? space[t.at]!
          const x = affine.sum(add({ extent, part: v }), affine.constant(skip))
          place[t.at] = t.reversed ? affine.sum(affine.constant(space[t.at]! - 1), affine.scale(x, -1)) : x
          extents.push(extent)
        }
        const radices = digits.map((t, i) => (i === 0 ? extents[0]! : digits[i - 1]!.by / t.by))
        if (unit > 1) {
          extents.push(1)
          radices.push(unit)
          add({ extent: 1, part: v })
        }
        parts[v] = { extents, radices, start: low + skip }
        continue
      }
      const window = solveWindow(c, open)
      if (window) {
        parts[v] = window
        continue
      }
    }
    // Every point is asked: coordinate = place.
    for (const t of open) free(t.at)
    const x = add({ extent: places, part: v })
    guards.push({ test: 'eq', left: affine.substitute(c, place as Affine[]), right: x })
    parts[v] = { extents: [places], radices: [places], start: 0 }

    function solveWindow(form: Affine, terms: Affine['terms']): Part | undefined {
      const solvable = terms.filter((t) => !fixed(t.at))
      const main = solvable.toSorted(
        (a, b) => Number(owned(b.at)) - Number(owned(a.at)) || space[b.at]! - space[a.at]! || a.at - b.at,
      )[0]
      if (!main) return undefined
      const stride = Math.abs(main.by)
      const others = terms.filter((t) => t !== main)
      if (stride === 1) {
        const x = add({ extent: places, part: v })
        const rest = others.reduce(
          (total, t) => affine.sum(total, affine.scale(free(t.at), t.by)),
          affine.constant(form.base),
        )
        place[main.at] = affine.scale(affine.sum(x, affine.scale(rest, -1)), main.by)
        ranges.add(main.at)
        return { extents: [places], radices: [places], start: 0 }
      }
      // base + s i + k + .. = base + s (first + q) + phase: then k = phase + s k' and i = first + q - k' - ..
      const inner = others.find((t) => t.by === 1 && !fixed(t.at))
      if (main.by < 0 || !inner || others.some((t) => t !== inner && t.by % stride !== 0)) return undefined
      const first = Math.floor(-form.base / stride)
      const count = Math.floor((places - 1 - form.base) / stride) - first + 1
      const q = add({ extent: count, part: v })
      const phase = add({ extent: stride, part: v })
      const turns = add({ extent: Math.ceil(space[inner.at]! / stride), old: inner.at })
      place[inner.at] = affine.sum(phase, affine.scale(turns, stride))
      if (space[inner.at]! % stride !== 0) ranges.add(inner.at)
      place[main.at] = others
        .filter((t) => t !== inner)
        .reduce(
          (total, t) => affine.sum(total, affine.scale(free(t.at), -t.by / stride)),
          affine.sum(affine.sum(q, affine.constant(first)), affine.scale(turns, -1)),
        )
      ranges.add(main.at)
      return { extents: [count, stride], radices: [count, stride], start: form.base + first * stride }
    }
  }
  for (const [v, coord] of read.coords.entries()) {
    if (!('word' in coord)) continue
    for (const a of coord.word.coords) for (const t of a.terms) free(t.at)
    const places = read.view[v]!
    const x = add({ extent: places, part: v })
    const coords = coord.word.coords.map((a) => affine.substitute(a, place as Affine[]))
    guards.push({ test: 'eq', left: { word: { ...coord.word, coords } }, right: x })
    parts[v] = { extents: [places], radices: [places], start: 0 }
    scatter = true
  }
  space.forEach((_, at) => {
    free(at)
  })
  return settle(drafts, { place: place as Affine[], guards, ranges: [...ranges], parts, scatter })
}

type Digit = { readonly at: number; readonly by: number; readonly reversed: boolean }
/** The terms, greatest first, if every value of the form comes from one point only, as in a number system. */
const digitsOf = (c: Affine, space: readonly number[]): Digit[] | undefined => {
  const digits = c.terms
    .map((t) => ({ at: t.at, by: Math.abs(t.by), reversed: t.by < 0 }))
    .sort((a, b) => b.by - a.by || a.at - b.at)
  for (let i = 1; i < digits.length; i++) {
    const [above, here] = [digits[i - 1]!, digits[i]!]
    if (above.by % here.by !== 0 || above.by < here.by * space[here.at]!) return undefined
  }
  return digits
}

/** Numbers the new coordinates: outputs in the order of the view's dimensions, then the box in order of old ones. */
const settle = (drafts: readonly Draft[], found: Omit<Inverse, 'extents' | 'outputs'>): Inverse => {
  const ids = drafts.map((_, i) => i)
  const outputs = ids.filter((i) => 'part' in drafts[i]!)
  const box = ids.filter((i) => 'old' in drafts[i]!)
  const key = (i: number) => ('part' in drafts[i]! ? drafts[i].part : (drafts[i] as { old: number }).old)
  const order = [...outputs.sort((a, b) => key(a) - key(b) || a - b), ...box.sort((a, b) => key(a) - key(b))]
  const moved = ids.map((i) => affine.coordinate(order.indexOf(i)))
  return {
    ...found,
    extents: order.map((i) => drafts[i]!.extent),
    outputs: outputs.length,
    place: found.place.map((a) => affine.substitute(a, moved)),
    guards: found.guards.map((g) => substituteGuard(g, moved)),
  }
}
