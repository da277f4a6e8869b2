import { DTYPES, type Dtype } from '../dtype.ts'
import {
  type Affine,
  type Bound,
  isWordCoord,
  type Node,
  type Read,
  type Ref,
  type WordRead,
} from '../node.ts'
import type { ScalarProgram } from '../scalar/scalar-program.ts'

/**
 * A node in the form that kernels are written from: few dimensions, and every address linear in them.
 *
 * A view is only a way to say an address, so a read becomes a byte address relative to its source: base plus one
 * step per dimension, modulo 2^32. Dimensions of extent 1 are dropped; neighbours that every form walks as one are one.
 */
export type Form = { readonly base: number; readonly by: readonly number[] }
export type Load = {
  readonly slot: number // which pointer of the kernel's argument table; 0 is the output
  readonly dtype: Dtype
  readonly at: Form // bytes
  readonly word?: { readonly load: Load; readonly scale: number; readonly max: number } // adds scale * min(word, max)
  readonly inside: readonly { readonly form: Form; readonly extent: number }[] // where a pad replaces the element
  readonly pad: number
}
export type Side = { readonly form: Form } | { readonly load: Load }
export type Test = { readonly test: 'lt' | 'eq'; readonly left: Side; readonly right: Side }
export type Space = {
  readonly outer: readonly number[]
  readonly box: readonly number[]
  readonly dim: readonly (number | undefined)[] // a coordinate of the iteration space; undefined: it is always 0
  readonly out: Load // for a scan it moves with the box too
  readonly reads: readonly Load[]
  readonly guards: readonly Test[]
  readonly init: Load | number
  readonly slots: readonly Ref[] // the sources of slots 1, 2, ...
}

export const isForm = (s: Side): s is { readonly form: Form } => 'form' in s

type Wide = { base: number; by: number[]; modular: boolean } // over the original coordinates

export const spaceOf = (node: Node): Space => {
  const isScan = node.kind === 'fold' && node.order.kind === 'scan'
  const box = node.kind === 'fold' ? node.box : []
  const outer = isScan ? node.shape.slice(0, node.shape.length - box.length) : node.shape
  const extents = [...outer, ...box]
  const rank = extents.length

  const slots: Ref[] = []
  const slotOf = (ref: Ref): number => {
    const known = slots.findIndex((s) => s.from === ref.from && s.index === ref.index)
    return known >= 0 ? known + 1 : slots.push(ref)
  }

  const forms: Wide[] = []
  const wide = (base: number, by: number[], modular: boolean): Wide => {
    const form = { base, by, modular }
    forms.push(form)
    return form
  }
  const affine = (a: Affine): Wide => {
    const by = extents.map(() => 0)
    for (const t of a.terms) by[t.at] = t.by
    return wide(a.base, by, false)
  }
  const address = (view: readonly number[], coords: readonly (Affine | undefined)[], bytes: number): Wide => {
    const form = wide(
      0,
      extents.map(() => 0),
      true,
    )
    let stride: number = bytes
    for (let d = view.length - 1; d >= 0; d--) {
      const c = coords[d]
      if (c) {
        form.base = (form.base + Math.imul(c.base, stride)) | 0
        for (const t of c.terms) form.by[t.at] = (form.by[t.at]! + Math.imul(t.by, stride)) | 0
      }
      stride = Math.imul(stride, view[d]!)
    }
    return form
  }

  type WideLoad = Omit<Load, 'at' | 'word' | 'inside'> & {
    at: Wide
    word?: { load: WideLoad; scale: number; max: number }
    inside: { form: Wide; extent: number }[]
  }
  const wordLoad = (w: WordRead): WideLoad => ({
    slot: slotOf(w.ref),
    dtype: w.dtype,
    at: address(w.view, w.coords, DTYPES[w.dtype].bytes),
    inside: [],
    pad: 0,
  })
  const load = (r: Read): WideLoad => {
    const bytes = DTYPES[r.dtype].bytes
    const out: WideLoad = {
      slot: slotOf(r.ref),
      dtype: r.dtype,
      at: address(
        r.view,
        r.coords.map((c) => (isWordCoord(c) ? undefined : c)),
        bytes,
      ),
      inside: [],
      pad: r.pad ?? 0,
    }
    let stride: number = bytes
    for (let d = r.view.length - 1; d >= 0; d--) {
      const c = r.coords[d]!
      if (isWordCoord(c)) out.word = { load: wordLoad(c.word), scale: stride, max: r.view[d]! - 1 }
      else if (r.pad !== undefined) {
        const [least, most] = range(c, extents)
        if (least < 0 || most >= r.view[d]!) out.inside.push({ form: affine(c), extent: r.view[d]! })
      }
      stride = Math.imul(stride, r.view[d]!)
    }
    return out
  }
  const side = (b: Bound): { form: Wide } | { load: WideLoad } =>
    isWordCoord(b) ? { load: wordLoad(b.word) } : { form: affine(b) }

  const outBytes = DTYPES[node.dtype].bytes
  const outCoords = (isScan ? extents : outer).map((_, at) => ({ base: 0, terms: [{ at, by: 1 }] }))
  const out: WideLoad = {
    slot: 0,
    dtype: node.dtype,
    at: address(isScan ? extents : outer, outCoords, outBytes),
    inside: [],
    pad: 0,
  }
  const reads = node.reads.map(load)
  const guards =
    node.kind === 'fold'
      ? node.guards.map((g) => ({ test: g.test, left: side(g.left), right: side(g.right) }))
      : []
  const order = node.kind === 'fold' ? node.order : undefined
  const init = order === undefined ? 0 : typeof order.init === 'number' ? order.init : load(order.init)

  // which coordinates must stay as they are
  const named = new Set<number>()
  const programs: ScalarProgram[] = node.kind === 'map' ? [node.program] : [node.step]
  if (order?.kind === 'blocked') programs.push(order.combine)
  for (const p of programs) for (const i of p.code) if (i.op === 'index') named.add(i.immediate)

  // merge from the right: group g is a run of original coordinates, walked by the step of its last one
  const groups: { last: number; extent: number; box: boolean }[] = []
  const dim: (number | undefined)[] = extents.map(() => undefined)
  const group: number[] = extents.map(() => -1)
  for (let p = rank - 1; p >= 0; p--) {
    if (extents[p] === 1) continue
    const isBox = p >= outer.length
    const g = groups.at(-1)
    const joins =
      g !== undefined &&
      g.box === isBox &&
      extents[p] !== 0 &&
      g.extent !== 0 &&
      !named.has(p) &&
      !named.has(g.last) &&
      forms.every((form) => {
        const step = form.by[g.last]! * g.extent
        return form.modular ? form.by[p] === Math.imul(form.by[g.last]!, g.extent) : form.by[p] === step
      })
    if (joins) g.extent *= extents[p]!
    else groups.push({ last: p, extent: extents[p]!, box: isBox })
    group[p] = groups.length - 1
  }
  groups.reverse()
  for (let p = 0; p < rank; p++) if (group[p]! >= 0) dim[p] = groups.length - 1 - group[p]!
  const boxExtents = groups.filter((g) => g.box).map((g) => g.extent)
  // a fold always has a box dimension, so that kernels have one way to walk it
  const needsBox = node.kind === 'fold' && boxExtents.length === 0
  const narrow = (form: Wide): Form => ({
    base: form.base,
    by: [...groups.map((g) => form.by[g.last]!), ...(needsBox ? [0] : [])],
  })
  const narrowLoad = (l: WideLoad): Load => ({
    slot: l.slot,
    dtype: l.dtype,
    at: narrow(l.at),
    inside: l.inside.map((i) => ({ form: narrow(i.form), extent: i.extent })),
    pad: l.pad,
    ...(l.word ? { word: { load: narrowLoad(l.word.load), scale: l.word.scale, max: l.word.max } } : {}),
  })
  const narrowSide = (s: { form: Wide } | { load: WideLoad }): Side =>
    'form' in s ? { form: narrow(s.form) } : { load: narrowLoad(s.load) }
  return {
    outer: groups.filter((g) => !g.box).map((g) => g.extent),
    box: needsBox ? [1] : boxExtents,
    dim,
    out: narrowLoad(out),
    reads: reads.map(narrowLoad),
    guards: guards.map((g) => ({ test: g.test, left: narrowSide(g.left), right: narrowSide(g.right) })),
    init: typeof init === 'number' ? init : narrowLoad(init),
    slots,
  }
}

const range = (a: Affine, extents: readonly number[]): [number, number] => {
  let least = a.base
  let most = a.base
  for (const t of a.terms) {
    const far = t.by * (extents[t.at]! - 1)
    if (far < 0) least += far
    else most += far
  }
  return [least, most]
}

/** The least and the greatest value of a form. */
export const formRange = (form: Form, extents: readonly number[]): [number, number] =>
  range({ base: form.base, terms: form.by.map((by, at) => ({ at, by })) }, extents)
