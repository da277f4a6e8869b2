import { type Affine, addressOf, isWordCoord, type Node, type Read, type WordRead } from '@lockstep/tensor'

/**
 * A node's iteration space with as few coordinates as its addresses allow: neighbours that every form walks as one
 * coordinate become one, so that most elementwise nodes have a single one, the element's own number.
 */
export type Space = {
  /** Merged output coordinates (of a scan: the outer ones), then merged coordinates of the box. */
  readonly outer: readonly number[]
  readonly box: readonly number[]
  /** A form over the node's own coordinates, over the merged ones. */
  form(of: Affine): Form
}
/** base + sum of by[d] * coordinate[d], over the merged coordinates. */
export type Form = { readonly base: number; readonly by: readonly number[] }

/** Whether a read is an address and nothing else: no word, no padding. */
export const isPlain = (read: Read): boolean => read.pad === undefined && !read.coords.some(isWordCoord)

/** Every form that code for the node computes. */
const formsOf = (node: Node): Affine[] => {
  const forms: Affine[] = []
  const word = (w: WordRead): void => void forms.push(addressOf(w)!)
  const read = (r: Read): void => {
    if (isPlain(r)) forms.push(addressOf(r)!)
    else
      for (const c of r.coords) {
        if (isWordCoord(c)) word(c.word)
        else forms.push(c)
      }
  }
  node.reads.forEach(read)
  const programs = [node.kind === 'map' ? node.program : node.step]
  if (node.kind === 'fold') {
    const { init } = node.order as { init: number | Read }
    if (typeof init !== 'number') read(init)
    for (const g of node.guards)
      for (const side of [g.left, g.right]) {
        if ('word' in side) word(side.word)
        else forms.push(side)
      }
  }
  for (const { code } of programs)
    for (const c of code) if (c.op === 'index') forms.push({ base: 0, terms: [{ at: c.immediate, by: 1 }] })
  return forms
}

export const outerExtents = (node: Node): readonly number[] =>
  node.kind === 'fold' && node.order.kind === 'scan'
    ? node.shape.slice(0, node.shape.length - node.box.length)
    : node.shape

export const spaceOf = (node: Node): Space => {
  const outer = outerExtents(node)
  const box = node.kind === 'fold' ? node.box : []
  const extents = [...outer, ...box]
  const forms = formsOf(node).map((form) => {
    const by = extents.map(() => 0)
    for (const t of form.terms) by[t.at] = (by[t.at] ?? 0) + t.by
    return by
  })
  const runs: number[][] = [] // original coordinates of each merged one
  const border = { at: 0 }
  extents.forEach((extent, d) => {
    if (d === outer.length) border.at = runs.length
    if (extent === 1) return
    const last = runs.length > (d >= outer.length ? border.at : 0) ? runs.at(-1) : undefined
    const before = last?.at(-1)
    if (last && before !== undefined && forms.every((by) => by[before] === by[d]! * extent)) last.push(d)
    else runs.push([d])
  })
  if (box.length === 0) border.at = runs.length
  const merged = runs.map((run) => run.reduce((n, d) => n * extents[d]!, 1))
  return {
    outer: merged.slice(0, border.at),
    box: merged.slice(border.at),
    form: ({ base, terms }) => {
      const by = runs.map(() => 0)
      for (const t of terms) {
        const run = runs.findIndex((r) => r.at(-1) === t.at)
        if (run >= 0) by[run]! += t.by
      }
      return { base, by }
    },
  }
}

/** The least and greatest value of a form over its space. */
export const rangeOf = ({ base, by }: Form, extents: readonly number[]): readonly [number, number] => {
  let [least, most] = [base, base]
  by.forEach((n, d) => {
    const reach = n * Math.max(0, extents[d]! - 1)
    if (reach < 0) least += reach
    else most += reach
  })
  return [least, most]
}
