import { DTYPES } from '../dtype.ts'
import { LIMITS } from '../limits.ts'
import type { Affine, Coord, Guard, MapNode, Node, Read, Ref, WordRead } from '../node.ts'
import type { Program } from '../program.ts'
import { Formula } from '../scalar/formula.ts'
import { type F, inline, traceScalar, type U } from '../scalar/trace.ts'
import * as affine from './affine.ts'
import { substituteIndices } from './substitute.ts'

export type FuseOptions = {
  readonly reads?: number // of a fused node; 6 if absent: a dispute's last step opens every read
  readonly instructions?: number // of a fused node; 100 if absent
}

/**
 * The same results in fewer nodes: a map that one other node reads, each element once, is computed where it is read.
 * Narrowing to its dtype is kept. Fewer nodes are fewer bytes to write, read and hash. It is another program, with
 * another identity: fuse before it is encoded, or not at all.
 */
export const fuse = (program: Program, options: FuseOptions = {}): Program => {
  const limits = { reads: options.reads ?? 6, instructions: options.instructions ?? 100 }
  const nodes: (Node | undefined)[] = [...program.nodes]
  const consumers = program.nodes.map(() => new Set<number | 'result'>())
  program.nodes.forEach((node, i) => {
    for (const ref of refsOf(node)) if (ref.from === 'node') consumers[ref.index]!.add(i)
  })
  for (const ref of [...program.next, ...program.outputs.map((o) => o.ref)])
    if (ref.from === 'node') consumers[ref.index]!.add('result')

  program.nodes.forEach((_, i) => {
    // Until nothing more fits: an inlined producer's own producers come next.
    for (let again = true; again; ) {
      again = false
      const node = nodes[i]!
      for (const producer of new Set(
        node.reads.flatMap((r) => (r.ref.from === 'node' ? [r.ref.index] : [])),
      )) {
        const made = nodes[producer]
        if (made?.kind !== 'map' || consumers[producer]!.size !== 1) continue
        const fused =
          inlineInto(node, made, producer, limits) ??
          (node.kind === 'map' && !consumers[i]!.has('result')
            ? inlineInto(reshaped(node, made.shape), made, producer, limits)
            : undefined)
        if (!fused) continue
        nodes[i] = fused
        nodes[producer] = undefined
        for (const ref of refsOf(made)) {
          if (ref.from !== 'node') continue
          consumers[ref.index]!.delete(producer)
          consumers[ref.index]!.add(i)
        }
        again = true
        break
      }
    }
  })
  return renumbered(program, nodes)
}

type Limits = { readonly reads: number; readonly instructions: number }

const inlineInto = (node: Node, source: MapNode, producer: number, limits: Limits): Node | undefined => {
  const isFromProducer = (r: Read) => r.ref.from === 'node' && r.ref.index === producer
  if (wordsOf(node).some((w) => w.ref.from === 'node' && w.ref.index === producer)) return undefined
  if (node.kind === 'fold' && node.order.kind !== 'blocked' && typeof node.order.init !== 'number')
    if (isFromProducer(node.order.init)) return undefined
  const space = node.kind === 'map' || node.order.kind === 'scan' ? node.shape : [...node.shape, ...node.box]
  const own = node.reads.filter(isFromProducer)
  if (own.some((r) => JSON.stringify(r) !== JSON.stringify(own[0]))) return undefined
  const made = coarsened(source)
  const place = coordinatesOf(own[0]!, space, made.shape)
  if (!place) return undefined

  // Arguments: the node's other reads, then the producer's; equal reads once.
  const reads: Read[] = []
  const names = new Map<string, number>()
  const nameOf = (r: Read): number => {
    const key = JSON.stringify(r)
    const known = names.get(key) ?? reads.push(r) - 1
    names.set(key, known)
    return known
  }
  const outer = node.reads.map((r) => (isFromProducer(r) ? undefined : nameOf(r)))
  const inner = made.reads.map((r) => nameOf(substituteRead(r, place)))
  if (reads.length > limits.reads) return undefined
  const lead = node.kind === 'map' ? [] : [DTYPES[node.dtype].register]
  const outerProgram = node.kind === 'map' ? node.program : node.step
  const moved = substituteIndices(new Formula(made.program), place)
  const fused = traceScalar([...lead, ...reads.map((r) => DTYPES[r.dtype].register)], (...values) => {
    const value = (i: number) => values[lead.length + i]!
    const stored = narrow(inline(moved, ...inner.map(value)), made)
    return inline(
      outerProgram,
      ...values.slice(0, lead.length),
      ...outer.map((i) => (i === undefined ? stored : value(i))),
    )
  })
  if (fused.code.length > limits.instructions) return undefined
  return node.kind === 'map' ? { ...node, reads, program: fused } : { ...node, reads, step: fused }
}

/**
 * The producer's coordinates over the consumer's space, if the read takes every element exactly once: then inlining
 * computes nothing twice. A matrix product takes elements many times and stays as it is.
 */
const coordinatesOf = (
  read: Read,
  space: readonly number[],
  shape: readonly number[],
): Affine[] | undefined => {
  if (read.pad !== undefined) return undefined
  let address: Affine = affine.constant(0)
  for (const [d, c] of read.coords.entries()) {
    if ('word' in c) return undefined
    address = affine.sum(affine.scale(address, read.view[d]!), c)
  }
  if (address.base !== 0) return undefined
  // Digits of the address, most significant first; together they must count every place once.
  const digits = address.terms.filter((t) => space[t.at] !== 1).sort((a, b) => b.by - a.by)
  let unit = 1
  for (const t of digits.toReversed()) {
    if (t.by !== unit) return undefined
    unit *= space[t.at]!
  }
  if (unit !== shape.reduce((n, e) => n * e, 1) || unit !== space.reduce((n, e) => n * e, 1)) return undefined
  // Each of the producer's coordinates must be made of whole digits: no digit may straddle two of them.
  const place: Affine[] = []
  let stride = 1
  for (let d = shape.length - 1; d >= 0; d--) {
    const extent = shape[d]!
    let form = affine.constant(0)
    for (const t of digits) {
      const end = t.by * space[t.at]!
      if (t.by >= stride * extent || end <= stride) continue
      if (t.by < stride || end > stride * extent) return undefined
      form = affine.sum(form, affine.scale(affine.coordinate(t.at), t.by / stride))
    }
    if (extent !== 1) place[d] = form
    else place[d] = affine.constant(0)
    stride *= extent
  }
  return place
}

/** The same map over fewer dimensions, where all reads run evenly over two neighbours: then more places fit it. */
const coarsened = (node: MapNode): MapNode => {
  if (node.program.code.some((c) => c.op === 'index')) return node
  const forms = node.reads.flatMap((r) => r.coords.flatMap((c) => ('word' in c ? c.word.coords : [c])))
  const byOf = (a: Affine, at: number) => a.terms.find((t) => t.at === at)?.by ?? 0
  for (let d = node.shape.length - 2; d >= 0; d--) {
    const inner = node.shape[d + 1]!
    if (node.shape[d] === 1 || inner === 1 || forms.some((a) => byOf(a, d) !== byOf(a, d + 1) * inner))
      continue
    // Coordinate d is dropped, coordinate d + 1 counts over both.
    const moved = node.shape.map((_, at) =>
      at === d ? affine.constant(0) : affine.coordinate(at > d ? at - 1 : at),
    )
    return coarsened({
      ...node,
      shape: node.shape.toSpliced(d, 2, node.shape[d]! * inner),
      reads: node.reads.map((r) => substituteRead(r, moved)),
    })
  }
  return node
}

/** The same map with dimensions split where this shape, of as many elements, has its own borders. */
const reshaped = (node: MapNode, other: readonly number[]): MapNode => {
  const strides = (shape: readonly number[]) =>
    shape.map((_, d) => shape.slice(d + 1).reduce((n, e) => n * e, 1))
  const total = node.shape.reduce((n, e) => n * e, 1)
  const borders = [...new Set([1, total, ...strides(node.shape), ...strides(other)])].sort((a, b) => b - a)
  const shape = borders.slice(1).map((b, i) => borders[i]! / b)
  if (!shape.every(Number.isInteger) || shape.length > LIMITS.rank) return node
  const place = node.shape.map((extent, d) => {
    const stride = strides(node.shape)[d]!
    let form = affine.constant(0)
    strides(shape).forEach((by, at) => {
      if (by >= stride && by < stride * extent)
        form = affine.sum(form, affine.scale(affine.coordinate(at), by / stride))
    })
    return form
  })
  const program = substituteIndices(new Formula(node.program), place).lower()
  return { ...node, shape, reads: node.reads.map((r) => substituteRead(r, place)), program }
}

const narrow = (value: F | U, { dtype }: MapNode): F | U => {
  if (dtype === 'bf16') return (value as F).bf16()
  if (dtype === 'f16') return (value as F).f16()
  if (dtype === 'u8') return (value as U).and(255)
  return value
}

const substituteRead = (r: Read, place: readonly Affine[]): Read => ({
  ...r,
  coords: r.coords.map(
    (c): Coord =>
      'word' in c
        ? { word: { ...c.word, coords: c.word.coords.map((a) => affine.substitute(a, place)) } }
        : affine.substitute(c, place),
  ),
})

const wordsOf = (node: Node): WordRead[] => {
  const ofRead = (r: Read) => r.coords.flatMap((c) => ('word' in c ? [c.word] : []))
  const init = node.kind === 'fold' && node.order.kind !== 'blocked' ? node.order.init : 0
  return [
    ...node.reads.flatMap(ofRead),
    ...(typeof init === 'number' ? [] : ofRead(init)),
    ...(node.kind === 'fold' ? node.guards : []).flatMap((g) =>
      [g.left, g.right].flatMap((s) => ('word' in s ? [s.word] : [])),
    ),
  ]
}

const refsOf = (node: Node): Ref[] => {
  const init = node.kind === 'fold' && node.order.kind !== 'blocked' ? node.order.init : 0
  return [...node.reads, ...(typeof init === 'number' ? [] : [init]), ...wordsOf(node)].map((r) => r.ref)
}

/** Without the nodes that are gone. */
const renumbered = (program: Program, nodes: readonly (Node | undefined)[]): Program => {
  const kept = nodes.flatMap((n, i) => (n ? [i] : []))
  const names = new Map(kept.map((old, i) => [old, i]))
  const ref = (r: Ref): Ref => (r.from === 'node' ? { from: 'node', index: names.get(r.index)! } : r)
  const word = (w: WordRead): WordRead => ({ ...w, ref: ref(w.ref) })
  const read = (r: Read): Read => ({
    ...r,
    ref: ref(r.ref),
    coords: r.coords.map((c) => ('word' in c ? { word: word(c.word) } : c)),
  })
  const side = (s: Guard['left']): Guard['left'] => ('word' in s ? { word: word(s.word) } : s)
  return {
    ...program,
    nodes: kept.map((i): Node => {
      const node = nodes[i]!
      const reads = node.reads.map(read)
      if (node.kind === 'map') return { ...node, reads }
      const guards = node.guards.map((g): Guard => ({ ...g, left: side(g.left), right: side(g.right) }))
      const { order } = node
      if (order.kind === 'blocked' || typeof order.init === 'number') return { ...node, reads, guards }
      return { ...node, reads, guards, order: { ...order, init: read(order.init) } }
    }),
    next: program.next.map(ref),
    outputs: program.outputs.map((o) => ({ ...o, ref: ref(o.ref) })),
  }
}
