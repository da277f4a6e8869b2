import { I32, type Local } from '../emitter.ts'
import type { Kernel } from '../kernel.ts'

/**
 * Walks flattened k from `from` to `to` run by run along the innermost dimension of the box. `each` sees the box's
 * coordinates at the run's first point, and the run's length; it may change the innermost coordinate.
 */
export const runs = (kernel: Kernel, from: Local, to: Local, each: (length: Local) => void): void => {
  const { f, coords, extents, space } = kernel
  const dims = space.box.map((_, i) => space.outer.length + i)
  const inner = dims.at(-1)!
  const k = f.get(from).keep(I32)
  const length = f.local(I32)
  f.loop((again) => {
    kernel.decode(
      k,
      dims.map((dim) => ({ dim, size: 1 })),
    )
    f.get(to).get(k).op('i32.sub').set(length)
    if (dims.length > 1) {
      // no further than the run
      const left = f.i32(extents[inner]!).get(coords[inner]!).op('i32.sub').keep(I32)
      f.get(left).get(length).get(left).get(length).op('i32.lt_u').op('select').set(length)
    }
    each(length)
    f.get(k).get(length).op('i32.add').tee(k).get(to).op('i32.lt_u').brIf(again)
  })
}
