import { BLOCK } from '../../node.ts'
import { I32, type Local } from '../emitter.ts'
import type { Fma } from '../fma.ts'
import { Kernel } from '../kernel.ts'
import type { Phase } from '../phase.ts'
import { type Panels, pack } from './pack.ts'
import type { Plan } from './plan.ts'

/**
 * Panels that more than one unit needs are packed once, by all threads, before any unit multiplies: all blocks of k one
 * after another, each with all of the side's panels, in memory that the node's phases share.
 */
export type Once = { readonly rows: Whole | undefined; readonly columns: Whole | undefined }
export type Whole = Panels & {
  readonly at: number // from the shared memory's beginning
  readonly blockBytes: number
}

const ARGUMENTS = 2
/** Bytes that a unit packs: enough of them for a few threads, and claiming one costs nothing beside it. */
const UNIT_BYTES = 128 * 1024

/** The address of the panel that begins at row or column `first`, in the first block. */
export const panelAt = (kernel: Kernel, whole: Whole, first: Local): Local => {
  const { f } = kernel
  shared(kernel, whole)
  return f.get(first).i32(whole.wide).op('i32.div_u').i32(whole.step).op('i32.mul').op('i32.add').keep(I32)
}

const shared = (kernel: Kernel, { at }: Whole): void => {
  const { f, space } = kernel
  f.get(ARGUMENTS)
    .memory('i32.load', 4 * (1 + space.slots.length))
    .i32(at)
    .op('i32.add')
}

/** The phase that packs; undefined where no side is packed once. */
export const packOnce = ({ space, points }: Plan, fma: Fma, { rows, columns }: Once): Phase | undefined => {
  const sides = [rows, columns].filter((s) => s !== undefined)
  if (sides.length === 0) return undefined
  const blocks = Math.ceil(points / BLOCK)
  const kernel = new Kernel(space, { vectors: 1, rows: 1 }, fma)
  const { f } = kernel
  const parts = sides.map((whole) => {
    const panels = Math.ceil(whole.side.count / whole.wide)
    const each = 4 * Math.max(1, Math.floor(UNIT_BYTES / (4 * whole.step)))
    const pieces = Math.ceil(panels / each)
    return { whole, each, pieces, units: blocks * pieces }
  })
  const k0 = f.local(I32)
  const k1 = f.local(I32)
  kernel.units((unit) => {
    const rest = f.get(unit).keep(I32)
    const packPart = ({ whole, each, pieces }: (typeof parts)[number]): void => {
      f.get(rest)
        .i32(pieces)
        .op('i32.div_u')
        .i32(BLOCK)
        .op('i32.mul')
        .tee(k0)
        .i32(BLOCK)
        .op('i32.add')
        .set(k1)
      kernel.minimum(k1, points)
      f.get(rest)
        .i32(pieces)
        .op('i32.rem_u')
        .i32(each * whole.wide)
        .op('i32.mul')
      const first = f.keep(I32)
      const count = f.i32(whole.side.count).get(first).op('i32.sub').keep(I32)
      kernel.minimum(count, each * whole.wide)
      f.get(panelAt(kernel, whole, first))
      f.get(rest).i32(pieces).op('i32.div_u').i32(whole.blockBytes).op('i32.mul').op('i32.add')
      pack(kernel, whole, { first, count, to: f.keep(I32), k0, k1 })
    }
    const [one, other] = parts
    if (other === undefined) packPart(one!)
    else {
      f.get(rest).i32(one!.units).op('i32.lt_u')
      f.if(
        () => kernel.scoped(() => packPart(one!)),
        () => {
          f.get(rest).i32(one!.units).op('i32.sub').set(rest)
          kernel.scoped(() => packPart(other))
        },
      )
    }
  })
  return {
    fn: f,
    slots: space.slots,
    units: parts.reduce((n, { units }) => n + units, 0),
    cost: UNIT_BYTES / 4,
    scratch: 0,
    shared: parts.reduce((n, { whole }) => n + blocks * whole.blockBytes, 0) + 64,
  }
}
