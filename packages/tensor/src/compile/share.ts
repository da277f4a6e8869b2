import { DTYPES, type Dtype } from '../dtype.ts'
import { type Affine, isWordCoord, type MapNode, type Node, type Read, type Ref } from '../node.ts'
import type { ScalarProgram } from '../scalar/scalar-program.ts'
import { dropDead, registerOf, usedArguments } from '../scalar/trace.ts'
import { size } from '../shape.ts'
import { iterationSpace } from '../validate.ts'
import { programOf } from './check.ts'
import { type Draft, withRefs } from './prune.ts'
import { addressOf } from './refs.ts'

/** Instructions from which on it costs less to write a value and read it twice than to compute it twice. */
const WORTH_SHARING = 16
/** Nodes from a first reader to a second one that a group may still bring together. */
const NEAR = 8

/**
 * What a fold and a map near it both compute of the same elements becomes a map that both read: a softmax takes each
 * exponential once, for the sum and for the share.
 *
 * Legal where both compute it from reads alone, at every point of their iteration spaces, and these are the same
 * elements in other dimensions. A later pass may undo it where it does not pay.
 */
export const shareValues = (draft: Draft): Draft => {
  const { program, origin } = draft
  const names = new Names()
  const found = program.nodes.map((node) => dearValues(node, names))
  const made: { before: number; value: MapNode; readers: Map<number, Node> }[] = []
  const changed = new Set<number>()
  found.forEach((values, i) => {
    const fold = program.nodes[i]!
    if (fold.kind !== 'fold' || values.size === 0) return
    for (const [name, place] of values) {
      const readers = [i]
      for (let k = i + 1; k <= i + NEAR && k < found.length; k++)
        if (program.nodes[k]!.kind === 'map' && found[k]!.has(name)) readers.push(k)
      if (readers.length < 2 || readers.some((k) => changed.has(k))) continue
      for (const k of readers) changed.add(k)
      const source: Ref = { from: 'node', index: -1 - made.length } // named when all are known
      made.push({
        before: i,
        value: valueNode(fold, place),
        readers: new Map(readers.map((k) => [k, reading(program.nodes[k]!, found[k]!.get(name)!, source)])),
      })
      return
    }
  })
  if (made.length === 0) return draft
  return inserted(draft, made, origin)
}

/** Where a node computes a value, and the dimensions of its iteration space from the slowest over the elements on. */
type Place = { readonly value: number; readonly dims: readonly number[] }

/** Numbers for what is computed: the same number, the same value at every element. */
class Names {
  readonly #known = new Map<string, number>()
  of(key: string): number {
    const known = this.#known.get(key) ?? this.#known.size
    this.#known.set(key, known)
    return known
  }
}

/** The values of a node that are dear and made of reads alone, by their names; the dearest first. */
const dearValues = (node: Node, names: Names): ReadonlyMap<number, Place> => {
  const program = programOf(node)
  const none = new Map<number, Place>()
  if (program.code.length < WORTH_SHARING) return none
  if (node.kind === 'fold' && (node.guards.length > 0 || node.order.kind === 'scan')) return none
  const space = iterationSpace(node)
  const dims = elementOrder(node, space)
  if (!dims) return none
  const lead = program.args.length - node.reads.length
  const values: { name: number; cost: number }[] = []
  program.args.forEach((_, i) => {
    const form = i < lead ? undefined : formOver(node.reads[i - lead]!, space, dims)
    values.push({ name: form === undefined ? -1 : names.of(form), cost: 0 })
  })
  const seen: Set<number>[] = values.map(() => new Set())
  program.code.forEach((c) => {
    if (!('args' in c)) {
      values.push({ name: c.op === 'index' ? -1 : names.of(`${c.op} ${c.immediate}`), cost: 0 })
      seen.push(new Set())
      return
    }
    const operands = c.args.map((a) => values[a]!.name)
    if (operands.includes(-1)) {
      values.push({ name: -1, cost: 0 })
      seen.push(new Set())
      return
    }
    const steps = new Set(c.args.flatMap((a) => [...seen[a]!]))
    steps.add(values.length)
    seen.push(steps)
    values.push({ name: names.of(`${c.op} ${operands}`), cost: steps.size })
  })
  const dear = values.flatMap((v, value) => (v.name >= 0 && v.cost >= WORTH_SHARING ? [{ ...v, value }] : []))
  dear.sort((a, b) => b.cost - a.cost)
  return new Map(dear.map(({ name, value }) => [name, { value, dims }]))
}

/** The dimensions in the order of the elements of a read that goes through all of its source, each element once. */
const elementOrder = (node: Node, space: readonly number[]): number[] | undefined => {
  for (const read of node.reads) {
    const address = read.pad === undefined ? addressOf(read) : undefined
    if (address?.base !== 0 || address.terms.length === 0) continue
    const dims = [...address.terms].sort((a, b) => b.by - a.by)
    let stride = 1
    const dense = dims.toReversed().every((t) => {
      const fits = t.by === stride
      stride *= space[t.at]!
      return fits
    })
    if (dense && stride === size(space) && stride === size(read.view)) {
      const rest = space.flatMap((e, d) => (e === 1 && !dims.some((t) => t.at === d) ? [d] : []))
      return [...rest, ...dims.map((t) => t.at)]
    }
  }
  return undefined
}

/** A read as a function of the element's number: runs of elements and the step of its address in each. */
const formOver = (read: Read, space: readonly number[], dims: readonly number[]): string | undefined => {
  const address = read.pad === undefined ? addressOf(read) : undefined
  if (!address || read.coords.some(isWordCoord)) return undefined
  const runs: { extent: number; step: number }[] = []
  for (const d of dims.toReversed()) {
    const extent = space[d]!
    if (extent === 1) continue
    const step = address.terms.find((t) => t.at === d)?.by ?? 0
    const last = runs.at(-1)
    if (last && step === last.step * last.extent) last.extent *= extent
    else runs.push({ extent, step })
  }
  const shown = runs.map((r) => `${r.extent}:${r.step}`)
  return `${read.ref.from} ${read.ref.index} ${read.dtype} ${address.base} ${shown}`
}

/** The value as a map over its elements. */
const valueNode = (node: Node, { value, dims }: Place): MapNode => {
  const program = programOf(node)
  const space = iterationSpace(node)
  const lead = program.args.length - node.reads.length
  const register = registerOf(program, value)
  const form = (a: Affine): Affine => ({
    base: a.base,
    terms: a.terms.map((t) => ({ at: dims.indexOf(t.at), by: t.by })).sort((p, q) => p.at - q.at),
  })
  const made = withoutUnused(
    { ...program, result: value },
    node.reads.map((r) => ({ ...r, coords: r.coords.map((c) => (isWordCoord(c) ? c : form(c))) })),
    lead,
  )
  const isLead = (i: number): boolean => i < lead
  const scalar: ScalarProgram = {
    args: made.program.args.filter((_, i) => !isLead(i)),
    code: made.program.code.map((c) => ('args' in c ? { ...c, args: c.args.map((a) => a - lead) } : c)),
    result: made.program.result - lead,
  }
  const dtype: Dtype = register === 'f' ? 'f32' : 'u32'
  return { kind: 'map', dtype, shape: dims.map((d) => space[d]!), reads: made.reads, program: scalar }
}

/** The node reading a value where it has computed it. */
const reading = (node: Node, { value, dims }: Place, ref: Ref): Node => {
  const program = programOf(node)
  const space = iterationSpace(node)
  const register = registerOf(program, value)
  const read: Read = {
    ref,
    dtype: register === 'f' ? 'f32' : 'u32',
    view: dims.map((d) => space[d]!),
    coords: dims.map((at) => ({ base: 0, terms: [{ at, by: 1 }] })),
  }
  const n = program.args.length
  const rename = (v: number): number => (v === value ? n : v < n ? v : v + 1)
  const replaced: ScalarProgram = {
    args: [...program.args, DTYPES[read.dtype].register],
    code: program.code.map((c) => ('args' in c ? { ...c, args: c.args.map(rename) } : c)),
    result: rename(program.result),
  }
  const made = withoutUnused(replaced, [...node.reads, read], n - node.reads.length)
  return node.kind === 'map'
    ? { ...node, reads: made.reads, program: made.program }
    : { ...node, reads: made.reads, step: made.program }
}

/** A program without what its result does not need, and the reads that are left. The first `lead` arguments stay. */
const withoutUnused = (
  program: ScalarProgram,
  reads: readonly Read[],
  lead: number,
): { readonly program: ScalarProgram; readonly reads: readonly Read[] } => {
  const live = dropDead(program)
  const isUsed = usedArguments(live).map((used, i) => used || i < lead)
  const names: number[] = []
  let count = 0
  for (const used of isUsed) names.push(used ? count++ : -1)
  const n = live.args.length
  const rename = (v: number): number => (v < n ? names[v]! : v - n + count)
  return {
    program: {
      args: live.args.filter((_, i) => isUsed[i]),
      code: live.code.map((c) => ('args' in c ? { ...c, args: c.args.map(rename) } : c)),
      result: rename(live.result),
    },
    reads: reads.filter((_, i) => isUsed[i + lead]),
  }
}

/** The draft with every value's node before the first one that reads it. */
const inserted = (
  { program }: Draft,
  made: readonly { before: number; value: MapNode; readers: ReadonlyMap<number, Node> }[],
  origin: Draft['origin'],
): Draft => {
  const names: number[] = []
  const values: number[] = []
  let count = 0
  program.nodes.forEach((_, i) => {
    made.forEach((m, k) => {
      if (m.before === i) values[k] = count++
    })
    names[i] = count++
  })
  const ref = (r: Ref): Ref =>
    r.from === 'node' ? { from: 'node', index: r.index < 0 ? values[-1 - r.index]! : names[r.index]! } : r
  const nodes: Node[] = []
  const origins: (readonly number[])[] = []
  program.nodes.forEach((node, i) => {
    for (const m of made)
      if (m.before === i) {
        nodes.push(withRefs(m.value, ref))
        origins.push(origin[i]!)
      }
    nodes.push(withRefs(made.find((m) => m.readers.has(i))?.readers.get(i) ?? node, ref))
    origins.push(origin[i]!)
  })
  return {
    program: {
      ...program,
      nodes,
      next: program.next.map(ref),
      outputs: program.outputs.map((o) => ({ ...o, ref: ref(o.ref) })),
    },
    origin: origins,
  }
}
