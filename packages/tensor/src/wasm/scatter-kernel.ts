import type { FoldNode, MapNode } from '../node.ts'
import { I32, I64, V128 } from './emitter.ts'
import type { Fma } from './fma.ts'
import { Kernel, ORIGIN } from './kernel.ts'
import { lastAtLeast, mapPhase } from './map-kernel.ts'
import type { Phase } from './phase.ts'
import { emitScalar } from './scalar-code.ts'
import { isForm, type Load, type Space, spaceOf, type Test } from './space.ts'

/**
 * A chain in which each k can touch only one place of one output dimension: a guard says that a word read at k equals
 * that coordinate. Walking k once and touching that place is the same as walking k at every place.
 */
type Scatter = { readonly guard: Test; readonly word: Load; readonly dim: number; readonly base: number }

/** The dimension for the lanes: all of them take the same word. */
const laneOf = (space: Space, { dim, word }: Scatter): number | undefined =>
  lastAtLeast(
    space.outer.map((e, d) => (d === dim || word.at.by[d] !== 0 ? 1 : e)),
    4,
  )

const scatterOf = (node: FoldNode, space: Space): Scatter | undefined => {
  if (node.order.kind !== 'chain' || (node.dtype !== 'f32' && node.dtype !== 'u32')) return undefined
  for (const guard of space.guards) {
    if (guard.test !== 'eq') continue
    for (const [a, b] of [
      [guard.left, guard.right],
      [guard.right, guard.left],
    ] as const) {
      if (isForm(a) || !isForm(b)) continue
      const moving = b.form.by.flatMap((by, d) => (by !== 0 ? [d] : []))
      const dim = moving[0]
      if (moving.length !== 1 || dim! >= space.outer.length || b.form.by[dim!] !== 1) continue
      if (a.load.at.by[dim!] === 0) return { guard, word: a.load, dim: dim!, base: b.form.base }
    }
  }
  return undefined
}

/** Whether this kernel takes the node. */
export const isScatter = (node: FoldNode): boolean =>
  scatterOf(node, spaceOf(node)) !== undefined && node.box.every((e) => e > 0)

/** The fold as an in-order scatter, where it is one: first every place gets its init, then k is walked once. */
export const scatterPhases = (node: FoldNode, fma: Fma): Phase[] | undefined => {
  const space = spaceOf(node)
  const scatter = scatterOf(node, space)
  const points = node.box.reduce((n, e) => n * e, 1)
  if (!scatter || points === 0) return undefined
  const { dim: target } = scatter
  const others = [...space.outer.keys()].filter((d) => d !== target)
  const lane = laneOf(space, scatter)
  const kernel = new Kernel(space, { vectors: 1, rows: 1, ...(lane === undefined ? {} : { lane }) }, fma)
  const { f, coords, extents } = kernel
  const wide = kernel.tile
  const box = space.box.map((_, i) => space.outer.length + i)
  const guards = space.guards.filter((g) => g !== scatter.guard)

  const element = (): void => {
    kernel.fresh()
    kernel.address(space.out)
    const accumulator = kernel.value(space.out, ORIGIN)
    const args = space.reads.map((r) => kernel.value(r, ORIGIN))
    const index = (p: number): void => kernel.index(p, ORIGIN)
    let result = emitScalar(f, node.step, [accumulator, ...args], { fma, index })
    if (guards.length > 0) {
      f.get(result).get(accumulator)
      guards.forEach((g, i) => {
        kernel.holdsMask(g, ORIGIN)
        if (i > 0) f.v('v128.and')
      })
      result = f.v('v128.bitselect').keep(V128)
    }
    kernel.store(space.out, result, ORIGIN)
  }

  const size = 1024
  kernel.units((unit) => {
    kernel.decode(
      unit,
      others.map((dim) => ({ dim, size: dim === lane ? size : 1, cut: dim === lane })),
    )
    const first = lane === undefined ? undefined : f.get(coords[lane]!).keep(I32)
    const end = lane === undefined ? undefined : f.get(coords[lane]!).i32(size).op('i32.add').keep(I32)
    if (end !== undefined) kernel.minimum(end, extents[lane!]!)
    for (const load of kernel.loads)
      kernel.start(
        load,
        others.filter((d) => d !== lane),
      )
    const walk = (level: number): void => {
      if (level < box.length) {
        const d = box[level]!
        f.i32(0).set(coords[d]!)
        f.loop((again) => {
          walk(level + 1)
          f.get(coords[d]!).i32(1).op('i32.add').tee(coords[d]!).i32(extents[d]!).op('i32.lt_u').brIf(again)
        })
        return
      }
      kernel.moved(kernel.loads, box, () => {
        kernel.sideI64({ load: scatter.word })
        const at = f.i64(scatter.base).op('i64.sub').keep(I64)
        f.get(at).i64(-1).op('i64.gt_s').get(at).i64(extents[target]!).op('i64.lt_s').op('i32.and')
        f.if(() => {
          f.get(at).op('i32.wrap_i64').set(coords[target]!)
          kernel.moved(kernel.loads, [target], () => {
            if (lane === undefined) return element()
            const x = coords[lane]!
            const along = (width: number): void => {
              f.block((done) => {
                f.loop((again) => {
                  f.get(x).i32(width).op('i32.add').get(end!).op('i32.gt_u').brIf(done)
                  kernel.moved(kernel.loads, [lane], element)
                  f.get(x).i32(width).op('i32.add').set(x).br(again)
                })
              })
            }
            f.get(first!).set(x)
            along(4)
            kernel.tile = { vectors: 1, rows: 1 }
            along(1)
            kernel.tile = wide
          })
        })
      })
    }
    walk(0)
  })
  const units = others.reduce((n, d) => n * (d === lane ? Math.ceil(extents[d]! / size) : extents[d]!), 1)
  const width = lane === undefined ? 1 : Math.min(size, extents[lane]!)
  const cost = points * width * (node.step.code.length + 2)
  return [
    { ...fillPhase(node, fma), copiesInit: typeof node.order.init !== 'number' },
    { fn: f, slots: space.slots, units, cost, scratch: 0 },
  ]
}

/** Every place of a chain's output with its init. */
const fillPhase = (node: FoldNode, fma: Fma): Phase => {
  const { init } = node.order
  const { dtype, shape } = node
  const register = dtype === 'f32' ? 'f' : 'u'
  const map: MapNode =
    typeof init === 'number'
      ? {
          kind: 'map',
          dtype,
          shape,
          reads: [],
          program: { args: [], code: [{ op: `const_${register}`, immediate: init }], result: 0 },
        }
      : { kind: 'map', dtype, shape, reads: [init], program: { args: [register], code: [], result: 0 } }
  return mapPhase(map, fma)
}
