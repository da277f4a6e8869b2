import { DTYPES } from '../dtype.ts'
import { tensorBytes } from '../estimate.ts'
import type { Node, Ref } from '../node.ts'
import type { Program } from '../program.ts'
import { size } from '../shape.ts'
import { type Cut, cutNode, staysInUnit } from './cut.ts'
import { carriedState } from './own-element.ts'
import { isProduct } from './product.ts'
import { type Draft, withRefs } from './prune.ts'
import { refsOf, typeOf } from './refs.ts'

/** Nodes in a row that run together, unit by unit. A node by itself is not cut: its units are 1. */
export type Turn = { readonly first: number; readonly count: number; readonly units: number }
/** Turns in order; together they are all nodes. Hidden nodes' tensors exist one unit at a time only. */
export type Turns = Draft & { readonly turns: readonly Turn[]; readonly hidden: ReadonlySet<number> }

/** What the tensors of one unit may take, in bytes: about half of a core's own cache. */
const UNIT_BYTES = 256 * 1024
/** What they take where a unit is passed over again and again and nothing is packed: about half of the nearest cache. */
const NEAR_BYTES = 16 * 1024
/** Enough units for threads to share evenly. */
const ENOUGH_UNITS = 16
const CANDIDATES = [4, 16, 32, 64, 128, 256, 1024, 4096, 16_384]
const MOST_UNITS = 65_536
/** How far behind its first node a group looks for more. */
const LOOK_AHEAD = 24

/** Every node by itself. */
export const alone = (draft: Draft): Turns => ({
  ...draft,
  turns: draft.program.nodes.map((_, first) => ({ first, count: 1, units: 1 })),
  hidden: new Set(),
})

/**
 * Fusion in the cache: nodes are run together over one part of their tensors after the other, so that what one writes
 * the next finds in the cache, and what nobody else reads never reaches memory.
 *
 * Legal where every member reads other members only within its own unit. A member reads another one or shares a source
 * with it; products join only where both factors move with the unit, or each unit would pack the same factor again.
 */
export const groupNodes = (draft: Draft): Turns => {
  const { program } = draft
  const cuts = new CutCache(program)
  const reads = program.nodes.map((node) => {
    const refs = refsOf(node)
    // sources that are about as large as what is made of them are worth sharing
    const large = refs.filter((r) => 2 * tensorBytes(typeOf(program, r)) >= tensorBytes(node))
    return {
      nodes: new Set(refs.flatMap((r) => (r.from === 'node' ? [r.index] : []))),
      keys: new Set(large.map(keyOf)),
    }
  })
  // what carries a state on in place moves a few elements of it: one unit after another it would move them all
  const stays = program.nodes.map((_, i) => carriedState(program, i) !== undefined)
  const done = program.nodes.map(() => false)
  const order: { nodes: number[]; units: number }[] = []
  for (let seed = 0; seed < program.nodes.length; seed++) {
    if (done[seed]) continue
    const group = grow(program, cuts, reads, done, stays, seed)
    // nodes that were passed over and that the group does not wait for come after it, in their order
    for (const i of group.nodes) done[i] = true
    order.push(group)
  }
  return reordered(draft, order)
}

type Reads = readonly { readonly nodes: ReadonlySet<number>; readonly keys: ReadonlySet<string> }[]
const keyOf = (ref: Ref): string => `${ref.from} ${ref.index}`

const grow = (
  program: Program,
  cuts: CutCache,
  reads: Reads,
  done: readonly boolean[],
  stays: readonly boolean[],
  seed: number,
): { nodes: number[]; units: number } => {
  const only = { nodes: [seed], units: 1 }
  if (stays[seed]) return only
  let candidates: readonly number[] | undefined // of unit counts; looked for when the first partner is found
  const members = [seed]
  const isMember = new Set(members)
  const passed = new Set<number>()
  const keys = new Set(reads[seed]!.keys)
  for (let i = seed + 1; i < program.nodes.length && i <= seed + LOOK_AHEAD; i++) {
    if (done[i]) continue
    const { nodes, keys: own } = reads[i]!
    const waits = stays[i] || [...nodes].some((n) => passed.has(n))
    const connected = [...nodes].some((n) => isMember.has(n)) || [...own].some((k) => keys.has(k))
    if (!waits && connected) {
      candidates ??= cuts
        .candidates(seed)
        .filter((units) => maySplit(program.nodes[seed]!, cuts.get(seed, units)!))
      if (candidates.length === 0) return only
    }
    const fitting = waits || !connected ? [] : fittingUnits(program, cuts, isMember, i, candidates!)
    const best = chooseUnits(program, cuts, [...members, i], fitting)
    if (best === undefined) {
      passed.add(i)
      continue
    }
    candidates = fitting
    members.push(i)
    isMember.add(i)
    for (const k of own) keys.add(k)
  }
  if (members.length === 1) return only
  return { nodes: members, units: chooseUnits(program, cuts, members, candidates!)! }
}

/** The numbers of units with which a node may join. */
const fittingUnits = (
  program: Program,
  cuts: CutCache,
  members: ReadonlySet<number>,
  i: number,
  candidates: readonly number[],
): number[] => {
  const refused: number[] = []
  return candidates.filter((units) => {
    // who reads beyond its unit does so in smaller units too
    if (refused.some((r) => units % r === 0)) return false
    const cut = cuts.get(i, units)
    if (!cut) return false
    if (maySplit(program.nodes[i]!, cut) && isOfGroup(cuts, members, cut)) return true
    refused.push(units)
    return false
  })
}

/** Whether a product is spared packing the same factor in every unit. */
const maySplit = (node: Node, cut: Cut): boolean =>
  !isProduct(node) || cut.loads.every((l) => l.by.every((n, d) => n !== 0 || cut.digits[d] === 1))

const isOfGroup = (cuts: CutCache, members: ReadonlySet<number>, cut: Cut): boolean =>
  cut.loads.every(
    (l) =>
      l.ref.from !== 'node' ||
      !members.has(l.ref.index) ||
      staysInUnit(cut, l, cuts.get(l.ref.index, cut.units)!.part),
  )

/**
 * The fewest units that are enough and whose tensors fit the nearest cache, or the most where they are too large for it
 * even so. A product packs what it reads, so that larger units pay: for those the core's own cache counts. So it does
 * for whom smaller units would only read narrower columns.
 */
const chooseUnits = (
  program: Program,
  cuts: CutCache,
  members: readonly number[],
  candidates: readonly number[],
): number | undefined => {
  const fitting = candidates.filter((units) => unitBytes(program, cuts, members, units).all <= UNIT_BYTES)
  const enough = fitting.filter((units) => units >= ENOUGH_UNITS)
  if (enough.length === 0) return fitting.at(-1)
  if (members.some((i) => isProduct(program.nodes[i]!))) return enough[0]
  const together = enough.filter((units) => readsRuns(cuts, members, units))
  const near = together.find((units) => unitBytes(program, cuts, members, units).moving <= NEAR_BYTES)
  return near ?? together.at(-1) ?? enough[0]
}

/** Whether what a unit reads lies together, but for at most three times as much in between. */
const readsRuns = (cuts: CutCache, members: readonly number[], units: number): boolean =>
  members.every((i) =>
    cuts.get(i, units)!.loads.every(({ range, reach }) => !range || range[1] - range[0] < 4 * reach),
  )

/** Bytes that a unit reads and writes, and those of them that are others in another unit. */
const unitBytes = (
  program: Program,
  cuts: CutCache,
  members: readonly number[],
  units: number,
): { readonly all: number; readonly moving: number } => {
  let bytes = 0
  const outside: { readonly ref: Ref; bytes: number; moves: boolean }[] = []
  for (const i of members) {
    const cut = cuts.get(i, units)!
    bytes += cut.part * DTYPES[program.nodes[i]!.dtype].bytes
    for (const { ref, reach, by } of cut.loads) {
      if (ref.from === 'node' && members.includes(ref.index)) continue
      const moves = by.some((n, d) => n !== 0 && cut.digits[d] !== 1)
      const known = outside.find((o) => o.ref.index === ref.index && o.ref.from === ref.from)
      if (known) {
        known.bytes = Math.max(known.bytes, 4 * reach)
        known.moves ||= moves
      } else outside.push({ ref, bytes: 4 * reach, moves })
    }
  }
  const sum = (some: typeof outside): number => some.reduce((n, o) => n + o.bytes, bytes)
  return { all: sum(outside), moving: sum(outside.filter((o) => o.moves)) }
}

class CutCache {
  readonly #program: Program
  readonly #known = new Map<number, Cut | undefined>()
  constructor(program: Program) {
    this.#program = program
  }
  get(node: number, units: number): Cut | undefined {
    const key = node * (MOST_UNITS + 1) + units
    if (!this.#known.has(key)) this.#known.set(key, cutNode(this.#program.nodes[node]!, units))
    return this.#known.get(key)
  }
  candidates(node: number): number[] {
    const { shape } = this.#program.nodes[node]!
    const prefixes = shape.map((_, d) => size(shape.slice(0, d + 1)))
    const all = new Set([...CANDIDATES, ...prefixes.filter((n) => n > 1 && n <= MOST_UNITS)])
    const bytes = tensorBytes(this.#program.nodes[node]!)
    return [...all]
      .filter((units) => bytes <= units * UNIT_BYTES && this.get(node, units) !== undefined)
      .sort((a, b) => a - b)
  }
}

/** The program with its nodes in the order of the groups; a group stands where its first member stood. */
const reordered = (draft: Draft, groups: readonly { nodes: number[]; units: number }[]): Turns => {
  const { program } = draft
  const order = groups.flatMap((g) => g.nodes)
  const names = new Map(order.map((old, now) => [old, now]))
  const ref = (r: Ref): Ref => (r.from === 'node' ? { from: 'node', index: names.get(r.index)! } : r)
  const nodes = order.map((old) => withRefs(program.nodes[old]!, ref))
  const moved = {
    ...program,
    nodes,
    next: program.next.map(ref),
    outputs: program.outputs.map((o) => ({ ...o, ref: ref(o.ref) })),
  }
  const turns: Turn[] = []
  let first = 0
  for (const { nodes: members, units } of groups) {
    turns.push({ first, count: members.length, units })
    first += members.length
  }
  return {
    program: moved,
    origin: order.map((old) => draft.origin[old]!),
    turns,
    hidden: hiddenOf(moved, turns),
  }
}

/** Members of groups that nobody outside of their group reads. */
const hiddenOf = (program: Program, turns: readonly Turn[]): Set<number> => {
  const turn = turns.flatMap((s, k) => Array.from({ length: s.count }, () => k))
  const seen = new Set<number>()
  program.nodes.forEach((node, i) => {
    for (const ref of refsOf(node))
      if (ref.from === 'node' && turn[ref.index] !== turn[i]) seen.add(ref.index)
  })
  for (const ref of [...program.next, ...program.outputs.map((o) => o.ref)])
    if (ref.from === 'node') seen.add(ref.index)
  return new Set([...program.nodes.keys()].filter((i) => turns[turn[i]!]!.count > 1 && !seen.has(i)))
}

/** What must hold of turns: they are all nodes, and members of a group meet only within their units. */
export const checkTurns = ({ program, turns, hidden }: Turns): void => {
  const wrong = (what: string): never => {
    throw new Error(`the compiler's pass 'group' is wrong: ${what}`)
  }
  let next = 0
  for (const { first, count, units } of turns) {
    if (first !== next || count < 1) wrong(`a turn begins at node ${first}, not ${next}`)
    next += count
    if (count === 1) continue
    const parts = new Map<number, number>()
    for (let i = first; i < next; i++) {
      const cut = cutNode(program.nodes[i]!, units) ?? wrong(`node ${i} has no ${units} units`)
      for (const l of cut.loads) {
        const part = l.ref.from === 'node' ? parts.get(l.ref.index) : undefined
        if (part !== undefined && !staysInUnit(cut, l, part))
          wrong(`node ${i} reads node ${l.ref.index} outside of its unit`)
      }
      parts.set(i, cut.part)
    }
  }
  if (next !== program.nodes.length) wrong(`${program.nodes.length - next} nodes are in no turn`)
  const expected = hiddenOf(program, turns)
  for (const i of hidden) if (!expected.has(i)) wrong(`node ${i} is hidden from those that read it`)
}
