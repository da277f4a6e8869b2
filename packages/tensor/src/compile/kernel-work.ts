import { DTYPES } from '../dtype.ts'
import { tensorBytes } from '../estimate.ts'
import { type Affine, BLOCK, isWordCoord, type Node, type Read, type Ref, type WordRead } from '../node.ts'
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
  const bySource = new Map<string, { most: number; bytes: number }>()
  for (const node of nodes)
    for (const { ref, bytes } of readsOf(node)) {
      if (!counts(ref)) continue
      const key = `${ref.from} ${ref.index}`
      const most = tensorBytes(typeOf(program, ref))
      bySource.set(key, { most, bytes: Math.min(most, (bySource.get(key)?.bytes ?? 0) + bytes) })
    }
  return [...bySource.values()].reduce((sum, { bytes }) => sum + bytes, 0)
}

const typeOf = (program: Program, ref: Ref): TensorType =>
  (ref.from === 'node' ? program.nodes : ref.from === 'state' ? program.state : program.inputs)[ref.index]!

/** Every read of a node with the bytes of the places that its coordinates can reach. */
const readsOf = (node: Node): { ref: Ref; bytes: number }[] => {
  const space = node.kind === 'map' || node.order.kind === 'scan' ? node.shape : [...node.shape, ...node.box]
  const places = (forms: readonly Affine[]): number => {
    const dims = new Set(forms.flatMap((a) => a.terms.map((t) => t.at)))
    return [...dims].reduce((n, d) => n * space[d]!, 1)
  }
  const found: { ref: Ref; bytes: number }[] = []
  const word = (w: WordRead): void => {
    found.push({ ref: w.ref, bytes: DTYPES[w.dtype].bytes * places(w.coords) })
  }
  const read = (r: Read): void => {
    const forms = r.coords.flatMap((c) => (isWordCoord(c) ? c.word.coords : [c]))
    found.push({ ref: r.ref, bytes: DTYPES[r.dtype].bytes * places(forms) })
    for (const c of r.coords) if (isWordCoord(c)) word(c.word)
  }
  node.reads.forEach(read)
  if (node.kind === 'map') return found
  if (node.order.kind !== 'blocked' && typeof node.order.init !== 'number') read(node.order.init)
  for (const g of node.guards) for (const s of [g.left, g.right]) if (isWordCoord(s)) word(s.word)
  return found
}
