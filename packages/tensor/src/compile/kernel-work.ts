import { DTYPES } from '../dtype.ts'
import { tensorBytes } from '../estimate.ts'
import {
  type Affine,
  BLOCK,
  type Coord,
  isWordCoord,
  type Node,
  type Read,
  type Ref,
  type WordRead,
} from '../node.ts'
import type { Program, TensorType } from '../program.ts'
import type { ScalarProgram } from '../scalar/scalar-program.ts'
import { size } from '../shape.ts'

/**
 * What a node means as work, whatever computes it: floating-point operations (an fma is two; comparisons, conversions
 * and integers are none; guards are counted as if they held), and the bytes of the elements it can reach, each read
 * once, with those it writes.
 */
export type KernelWork = { readonly flops: number; readonly bytes: number }

export const workOf = (program: Program, node: Node): KernelWork => ({
  flops: flopsOf(node),
  bytes: bytesRead(program, [node], () => true) + tensorBytes(node),
})

export const flopsOf = (node: Node): number => {
  if (node.kind === 'map') return size(node.shape) * scalarFlops(node.program)
  const outputs = node.order.kind === 'scan' ? size(node.shape) / size(node.box) : size(node.shape)
  const points = size(node.box)
  const blocks = Math.ceil(points / BLOCK)
  const combined = node.order.kind === 'blocked' && blocks > 1 ? blocks * scalarFlops(node.order.combine) : 0
  return outputs * (points * scalarFlops(node.step) + combined)
}

const FLOPS: Readonly<Record<string, number>> = { fadd: 1, fsub: 1, fmul: 1, fdiv: 1, fsqrt: 1, fma: 2 }
const scalarFlops = ({ code }: ScalarProgram): number =>
  code.reduce((sum, { op }) => sum + (FLOPS[op] ?? 0), 0)

/** The bytes that nodes read together of the sources that `counts`, each source at most once as a whole. */
export const bytesRead = (
  program: Program,
  nodes: readonly Node[],
  counts: (ref: Ref) => boolean,
): number => {
  const sources: { readonly ref: Ref; readonly most: number; bytes: number }[] = []
  for (const node of nodes)
    for (const { ref, bytes } of readsOf(node)) {
      if (!counts(ref)) continue
      let source = sources.find((s) => s.ref.index === ref.index && s.ref.from === ref.from)
      if (!source) {
        source = { ref, most: tensorBytes(typeOf(program, ref)), bytes: 0 }
        sources.push(source)
      }
      source.bytes = Math.min(source.most, source.bytes + bytes)
    }
  return sources.reduce((sum, { bytes }) => sum + bytes, 0)
}

const typeOf = (program: Program, ref: Ref): TensorType =>
  (ref.from === 'node' ? program.nodes : ref.from === 'state' ? program.state : program.inputs)[ref.index]!

type Reach = { readonly ref: Ref; readonly bytes: number }
const KNOWN = new WeakMap<Node, readonly Reach[]>()

/** Every read of a node with the bytes of the places that its coordinates can reach. */
const readsOf = (node: Node): readonly Reach[] => {
  let found = KNOWN.get(node)
  if (!found) {
    found = reachesOf(node)
    KNOWN.set(node, found)
  }
  return found
}

const reachesOf = (node: Node): Reach[] => {
  const space = node.kind === 'map' || node.order.kind === 'scan' ? node.shape : [...node.shape, ...node.box]
  const places = (coords: readonly Coord[]): number => {
    const seen: number[] = []
    let count = 1
    const see = (form: Affine): void => {
      for (const { at } of form.terms) {
        if (seen.includes(at)) continue
        seen.push(at)
        count *= space[at]!
      }
    }
    for (const c of coords) {
      if (isWordCoord(c)) c.word.coords.forEach(see)
      else see(c)
    }
    return count
  }
  const found: Reach[] = []
  const word = (w: WordRead): void => {
    found.push({ ref: w.ref, bytes: DTYPES[w.dtype].bytes * places(w.coords) })
  }
  const read = (r: Read): void => {
    found.push({ ref: r.ref, bytes: DTYPES[r.dtype].bytes * places(r.coords) })
    for (const c of r.coords) if (isWordCoord(c)) word(c.word)
  }
  node.reads.forEach(read)
  if (node.kind === 'map') return found
  if (node.order.kind !== 'blocked' && typeof node.order.init !== 'number') read(node.order.init)
  for (const g of node.guards) for (const s of [g.left, g.right]) if (isWordCoord(s)) word(s.word)
  return found
}
