import { DTYPES } from '../dtype.ts'
import { tensorBytes } from '../estimate.ts'
import * as affine from '../front/affine.ts'
import { substituteIndices } from '../front/substitute.ts'
import { LIMITS } from '../limits.ts'
import type { Affine, Coord, MapNode, Node, Read, Ref } from '../node.ts'
import type { Program } from '../program.ts'
import { Formula } from '../scalar/formula.ts'
import type { ScalarProgram } from '../scalar/scalar-program.ts'
import { type F, inline as inlineScalar, traceScalar, type U } from '../scalar/trace.ts'
import { size } from '../shape.ts'
import { iterationSpace } from '../validate.ts'
import { bytesRead } from './kernel-work.ts'
import { isProduct } from './product.ts'
import { type Draft, prune } from './prune.ts'
import { addressOf, initOf, refsOf, wordsOf } from './refs.ts'

/** Of a node after the pass. A scalar program's arguments and instructions are together at most LIMITS.values. */
const MOST_READS = 12

/**
 * Fusion in registers: a map is computed where it is read, and its tensor never exists. Its narrowing stays.
 *
 * Legal where every reader takes it by affine coordinates within its shape, as an argument of its scalar program. Done
 * where it pays: an instruction computed once more weighs as much as a byte that is moved once more.
 */
export const inlineMaps = ({ program, origin }: Draft): Draft => {
  const nodes: Node[] = [...program.nodes]
  const computes = origin.map((o) => [...o])
  const readers = program.nodes.map(() => new Set<number>())
  program.nodes.forEach((node, i) => {
    for (const ref of refsOf(node)) if (ref.from === 'node') readers[ref.index]!.add(i)
  })
  const results = new Set<number>()
  for (const ref of [...program.next, ...program.outputs.map((o) => o.ref)])
    if (ref.from === 'node') results.add(ref.index)

  for (let i = 0; i < nodes.length; i++) {
    const made = nodes[i]!
    if (made.kind !== 'map' || results.has(i) || readers[i]!.size === 0) continue
    if (!pays(program, nodes, made, i, [...readers[i]!]) || keepsMore(nodes, readers, i)) continue
    const fused = new Map<number, Node>()
    for (const r of readers[i]!) {
      const node = inlineInto(nodes[r]!, made, i)
      if (!node) break
      fused.set(r, node)
    }
    if (fused.size < readers[i]!.size) continue
    for (const [r, node] of fused) {
      nodes[r] = node
      computes[r] = [...new Set([...computes[i]!, ...computes[r]!])].sort((a, b) => a - b)
      for (const ref of refsOf(made)) if (ref.from === 'node') readers[ref.index]!.add(r)
    }
    for (const ref of refsOf(made)) if (ref.from === 'node') readers[ref.index]!.delete(i)
    readers[i]!.clear()
  }
  return prune({ program: { ...program, nodes }, origin: computes })
}

/** Nodes from a map to its last reader from which on memory counts for more than what is moved. */
const FAR = 128

/** Whether a reader far behind would keep more bytes of what the map reads until then than the map itself has. */
const keepsMore = (
  nodes: readonly Node[],
  readers: readonly ReadonlySet<number>[],
  index: number,
): boolean => {
  const last = Math.max(...readers[index]!)
  if (last - index < FAR) return false
  const sources = refsOf(nodes[index]!).flatMap((ref) => (ref.from === 'node' ? [ref.index] : []))
  const longer = [...new Set(sources)].filter((s) => Math.max(...readers[s]!) < last)
  return longer.reduce((sum, s) => sum + tensorBytes(nodes[s]!), 0) > tensorBytes(nodes[index]!)
}

/** Whether computing a map in all of its readers costs less than writing and reading it. */
const pays = (
  program: Program,
  nodes: readonly Node[],
  made: MapNode,
  index: number,
  readers: readonly number[],
): boolean => {
  const now = { ...program, nodes }
  const bytes = tensorBytes(made)
  const elements = size(made.shape)
  const isMade = (ref: Ref): boolean => ref.from === 'node' && ref.index === index
  const sources = bytesRead(now, [made], () => true)
  let evaluations = 0
  let moved = -sources - bytes // what is no longer read and written
  for (const r of readers) {
    const node = nodes[r]!
    const uses = node.reads.filter((x) => isMade(x.ref))
    evaluations += uses.length * size(iterationSpace(node))
    moved -= bytesRead(now, [node], isMade)
    const own = new Set(node.reads.map((x) => `${x.ref.from} ${x.ref.index}`))
    moved += bytesRead(now, [made], (ref) => !own.has(`${ref.from} ${ref.index}`))
  }
  const instructions = made.program.code.filter((c) => 'args' in c).length + (made.dtype === 'f32' ? 0 : 1)
  return moved + instructions * Math.max(0, evaluations - elements) <= 0
}

/** The reader with the map's program in place of every read of it; undefined where that is not legal. */
const inlineInto = (reader: Node, source: MapNode, index: number): Node | undefined => {
  const isSource = (ref: Ref): boolean => ref.from === 'node' && ref.index === index
  const init = initOf(reader)
  if (wordsOf(reader).some((w) => isSource(w.ref)) || (init && isSource(init.ref))) return undefined
  const withPlaces = (node: Node, made: MapNode): Placed | undefined => {
    const places = new Map<Read, readonly Affine[]>()
    for (const r of node.reads) {
      if (!isSource(r.ref)) continue
      const place = coordinatesOf(r, iterationSpace(node), made.shape)
      if (!place) return undefined
      places.set(r, place)
    }
    return { node, made, places }
  }
  const flat = coarsened(source)
  const placed =
    withPlaces(reader, source) ??
    withPlaces(reader, flat) ??
    (reader.kind === 'map' ? withPlaces(reshaped(reader, source.shape), source) : undefined)
  return placed && merge(placed)
}

type Placed = {
  readonly node: Node
  readonly made: MapNode
  readonly places: ReadonlyMap<Read, readonly Affine[]>
}

const merge = ({ node, made, places }: Placed): Node | undefined => {
  // arguments: the node's other reads, then the map's at every place; equal reads once
  const reads: Read[] = []
  const names = new Map<string, number>()
  const nameOf = (r: Read): number => {
    const key = JSON.stringify(r)
    const known = names.get(key) ?? reads.push(r) - 1
    names.set(key, known)
    return known
  }
  const outer = node.reads.map((r) => (places.has(r) ? undefined : nameOf(r)))
  const inner = new Map(
    [...places].map(([r, place]) => [r, made.reads.map((x) => nameOf(substituteRead(x, place)))]),
  )
  if (reads.length > MOST_READS) return undefined
  const lead = node.kind === 'map' ? [] : [DTYPES[node.dtype].register]
  const program = node.kind === 'map' ? node.program : node.step
  const fused = traceScalar([...lead, ...reads.map((r) => DTYPES[r.dtype].register)], (...values) => {
    const value = (i: number) => values[lead.length + i]!
    const args = node.reads.map((r, i) => {
      const place = places.get(r)
      if (!place) return value(outer[i]!)
      const moved = substituteIndices(new Formula(made.program), place)
      return narrow(inlineScalar(moved, ...inner.get(r)!.map(value)), made)
    })
    return inlineScalar(program, ...values.slice(0, lead.length), ...args)
  })
  if (fused.args.length + fused.code.length > LIMITS.values) return undefined
  if (node.kind === 'map') return { ...node, reads, program: fused }
  // a sum of products must stay one: its kernel is many times as fast as the general fold's
  if (isProduct(node) && reuses(node, made) && fused.code.length > 1) return undefined
  return { ...node, reads, step: fused }
}

const reuses = (node: Node, made: MapNode): boolean => size(iterationSpace(node)) > size(made.shape)

/** A map's coordinates over its reader's space, where they are affine and never leave the map's shape. */
const coordinatesOf = (
  read: Read,
  space: readonly number[],
  shape: readonly number[],
): readonly Affine[] | undefined => {
  const address = read.pad === undefined ? addressOf(read) : undefined
  if (!address || space.includes(0)) return undefined
  const place = sameDimensions(read, shape) ?? digitsOf(address, shape)
  const fits = place?.every((form, d) => {
    const [low, high] = affine.rangeOf(form, space)
    return low >= 0 && high < shape[d]!
  })
  return fits ? place : undefined
}

/** The read's own coordinates, where its view is the map's shape but for dimensions of extent 1. */
const sameDimensions = (read: Read, shape: readonly number[]): Affine[] | undefined => {
  const coords = read.coords.filter((_, d) => read.view[d] !== 1)
  const extents = read.view.filter((e) => e !== 1)
  if (extents.join() !== shape.filter((e) => e !== 1).join()) return undefined
  let next = 0
  return shape.map((extent) => (extent === 1 ? affine.constant(0) : (coords[next++] as Affine)))
}

/** An address in row-major order as one coordinate per dimension: exact where no coordinate leaves its extent. */
const digitsOf = (address: Affine, shape: readonly number[]): Affine[] | undefined => {
  const strides = shape.map((_, d) => size(shape.slice(d + 1)))
  const place = shape.map(() => affine.constant(0))
  const put = (by: number, form: Affine): boolean => {
    const d = strides.findIndex((stride, at) => shape[at] !== 1 && stride <= by)
    if (d < 0 || by % strides[d]! !== 0) return false
    place[d] = affine.sum(place[d]!, affine.scale(form, by / strides[d]!))
    return true
  }
  let rest = address.base
  if (rest < 0) return undefined
  strides.forEach((stride, d) => {
    const digit = Math.floor(rest / stride)
    rest -= digit * stride
    place[d] = affine.constant(digit)
  })
  for (const { at, by } of address.terms) if (by < 0 || !put(by, affine.coordinate(at))) return undefined
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
  const strides = (shape: readonly number[]) => shape.map((_, d) => size(shape.slice(d + 1)))
  const total = size(node.shape)
  if (size(other) !== total) return node
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
  const program: ScalarProgram = substituteIndices(new Formula(node.program), place).lower()
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
