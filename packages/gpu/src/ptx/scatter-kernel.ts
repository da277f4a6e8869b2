import { type Affine, type FoldNode, type Guard, size, type WordRead } from '@lockstep/tensor'
import { elementAddress, storeElementCode } from './elements.ts'
import { initOf } from './fold-kernel.ts'
import { PtxKernel } from './kernel-text.ts'
import { type Launch, scratchAt } from './launch.ts'
import { mapLaunch } from './map-kernel.ts'
import { loadBases, Point, slotsOf, threadNumber, unravelCode } from './point.ts'
import { emitScalar } from './scalar-code.ts'

/**
 * A chain in which each k touches one place of one output coordinate: a guard says that a word read at k is that
 * coordinate. Instead of every place walking all of k, each place that is named walks the k that name it.
 */
type Scatter = { readonly guard: Guard; readonly word: WordRead; readonly dim: number }

const scatterOf = (node: FoldNode): Scatter | undefined => {
  if (node.order.kind !== 'chain') return undefined
  const rank = node.shape.length
  for (const guard of node.guards) {
    if (guard.test !== 'eq') continue
    for (const [a, b] of [
      [guard.left, guard.right],
      [guard.right, guard.left],
    ] as const) {
      if (!('word' in a) || 'word' in b) continue
      const [term, ...others] = b.terms
      if (!term || others.length > 0 || term.by !== 1 || term.at >= rank || b.base !== 0) continue
      // The word moves with k alone.
      if (a.word.coords.every((c) => c.terms.every((t) => t.at >= rank)))
        return { guard, word: a.word, dim: term.at }
    }
  }
  return undefined
}

const THREADS = 128
/** Finding who else names a place compares each k with those before it. */
const MOST_POINTS = 1 << 16
/** Below so many steps altogether a plain walk is as good. */
const WORTH = 1 << 16

/**
 * Three launches: every place gets its init; each k finds the next k that names the same place, and whether it is the
 * first; each first k's place folds the k that name it, in their order.
 */
export const scatterLaunches = (node: FoldNode, name: string): Launch[] | undefined => {
  const scatter = scatterOf(node)
  const points = size(node.box)
  const outputs = size(node.shape)
  if (!scatter || points > MOST_POINTS || points < 2 || points * outputs < WORTH) return undefined
  const others = outputs / node.shape[scatter.dim]!
  if (points * others >= 2 ** 31) return undefined
  return [
    begin(node, `${name}_begin`),
    chain(node, scatter, `${name}_next`),
    place(node, scatter, `${name}_place`),
  ]
}

const begin = (node: FoldNode, name: string): Launch => {
  const { init } = node.order
  const { dtype, shape } = node
  const register = node.step.args[0]!
  const op = register === 'f' ? 'const_f' : 'const_u'
  return mapLaunch(
    typeof init === 'number'
      ? {
          kind: 'map',
          dtype,
          shape,
          reads: [],
          program: { args: [], code: [{ op, immediate: init }], result: 0 },
        }
      : { kind: 'map', dtype, shape, reads: [init], program: { args: [register], code: [], result: 0 } },
    name,
  )
}

/** The space in which nothing is merged: a scatter's coordinates are few and their kernels short. */
const plainSpace = (node: FoldNode) => ({
  outer: node.shape,
  box: node.box,
  form: ({ base, terms }: Affine) => {
    const by = [...node.shape, ...node.box].map(() => 0)
    for (const t of terms) by[t.at]! += t.by
    return { base, by }
  },
})

/** Scratch of each k: the next k that names its place (or how many k there are), with the top bit on the first. */
const FIRST = 2 ** 31

const chain = (node: FoldNode, { word }: Scatter, name: string): Launch => {
  const points = size(node.box)
  const slots = slotsOf(node)
  const k = new PtxKernel(name, THREADS, 1 + slots.length)
  const number = threadNumber(k, points)
  const zeros = node.shape.map(() => '0')
  const point = new Point(k, plainSpace(node), [], loadBases(k, slots, 1))
  const wordAt = (at: string): string =>
    point.moved([...zeros, ...unravelCode(k, at, node.box)]).loadWord(word)
  const own = wordAt(number)
  const result = k.let('r', 'mov.b32', FIRST)
  const other = k.let('r', 'mov.b32', 0)
  const before = k.label()
  const found = k.label()
  const after = k.label()
  // A word before that is the same makes this one not the first.
  k.place(before)
  k.emit(`@!${k.let('p', 'setp.lt.u32', other, number)} bra ${found}`)
  const same = k.let('p', 'setp.eq.u32', wordAt(other), own)
  k.emit(`add.u32 ${other}, ${other}, 1`)
  k.emit(`@!${same} bra ${before}`)
  k.emit(`mov.b32 ${result}, 0`)
  k.place(found)
  k.emit(`add.u32 ${other}, ${number}, 1`)
  const done = k.label()
  k.place(after)
  k.emit(`@!${k.let('p', 'setp.lt.u32', other, points)} bra ${done}`)
  const again = k.let('p', 'setp.eq.u32', wordAt(other), own)
  k.emit(`@${again} bra ${done}`)
  k.emit(`add.u32 ${other}, ${other}, 1`)
  k.emit(`bra ${after}`)
  k.place(done)
  k.emit(`or.b32 ${result}, ${result}, ${other}`)
  storeElementCode(k, 'u32', elementAddress(k, k.parameter(0), number, 'u32'), result)
  return { kernel: k, blocks: Math.ceil(points / THREADS), slots, scratch: 4 * points, writes: 0 }
}

const place = (node: FoldNode, { guard, word, dim }: Scatter, name: string): Launch => {
  const points = size(node.box)
  const slots = [...slotsOf(node), scratchAt(0)]
  const rest = node.shape.map((e, d) => (d === dim ? 1 : e))
  const others = size(rest)
  const k = new PtxKernel(name, THREADS, 1 + slots.length)
  const number = threadNumber(k, points * others)
  const [first, other] = unravelCode(k, number, [points, others]) as [string, string]
  const bases = loadBases(k, slots, 1)
  const next = k.parameter(slots.length)
  const linkOf = (at: string): string =>
    k.let('r', 'ld.global.u32', `[${elementAddress(k, next, at, 'u32')}]`)
  const link = linkOf(first)
  k.emit(`@${k.let('p', 'setp.lt.u32', link, FIRST)} ret`)
  const at = k.let('r', 'mov.b32', first)
  const point = new Point(k, plainSpace(node), [], bases)
  const zeros = node.shape.map(() => '0')
  const named = point.moved([...zeros, ...unravelCode(k, first, node.box)]).loadWord(word)
  // A place outside of the tensor is named in vain.
  k.emit(`@${k.let('p', 'setp.ge.u32', named, node.shape[dim]!)} ret`)
  const outer = unravelCode(k, other, rest).map((c, d) => (d === dim ? named : c))
  const output = point.moved(outer)
  const acc = k.register(node.step.args[0] === 'f' ? 'f' : 'r')
  const init = initOf(node, output) ?? k.let('r', 'mov.b32', (node.order.init as number) >>> 0)
  k.emit(`mov.b32 ${acc}, ${init}`)
  const loop = k.label()
  const skip = k.label()
  k.place(loop)
  const here = point.moved([...outer, ...unravelCode(k, at, node.box)])
  const holds = here.guards(node.guards.filter((g) => g !== guard))
  if (holds) k.emit(`@!${holds} bra ${skip}`)
  const args = node.reads.map((r) => here.read(r))
  k.emit(`mov.b32 ${acc}, ${emitScalar(k, node.step, [acc, ...args], (p) => here.index(p))}`)
  k.place(skip)
  const following = k.let('r', 'and.b32', linkOf(at), FIRST - 1)
  k.emit(`mov.b32 ${at}, ${following}`)
  k.emit(`@${k.let('p', 'setp.lt.u32', at, points)} bra ${loop}`)
  const position = output.word({
    base: 0,
    by: node.shape.map((_, d) => node.shape.slice(d + 1).reduce((n, e) => n * e, 1)),
  })
  storeElementCode(k, node.dtype, elementAddress(k, k.parameter(0), position, node.dtype), acc)
  return { kernel: k, blocks: Math.ceil((points * others) / THREADS), slots, scratch: 4 * points }
}
