import { I32, type Label, type Local } from './emitter.ts'
import type { Kernel } from './kernel.ts'
import type { Load } from './space.ts'

/** Walks a fold's box in order: run after run along its innermost dimension, stopping wherever it is told. */
export class BoxWalk {
  readonly k: Local
  /** The box's dimensions, and the innermost of them. */
  readonly dims: readonly number[]
  readonly inner: number
  readonly #kernel: Kernel

  constructor(kernel: Kernel) {
    const { outer, box } = kernel.space
    this.#kernel = kernel
    this.k = kernel.f.local(I32)
    this.dims = box.map((_, i) => outer.length + i)
    this.inner = outer.length + box.length - 1
  }

  /** Goes to the beginning. */
  rewind(): void {
    const { f, coords } = this.#kernel
    f.i32(0).set(this.k)
    for (const d of this.dims) f.i32(0).set(coords[d]!)
  }

  /** Goes to flattened position `k`. */
  seek(k: Local): void {
    this.#kernel.f.get(k).set(this.k)
    this.#kernel.decode(
      k,
      this.dims.map((dim) => ({ dim, size: 1 })),
    )
  }

  /**
   * Visits every point until k is `end`. `each` sees coordinates and the addresses of `loads` at the point. `cut` may
   * narrow the interval [from, to) of a run, or skip it; it sees the innermost coordinate as 0.
   */
  runTo(
    end: Local,
    loads: readonly Load[],
    each: () => void,
    cut?: (from: Local, to: Local, skip: Label) => void,
  ): void {
    const { f, coords, extents } = this.#kernel
    const { inner, k } = this
    const x = coords[inner]!
    const extent = extents[inner]!
    const above = this.dims.slice(0, -1)
    const from = f.local(I32)
    const to = f.local(I32)
    const next = f.local(I32)
    f.loop((again) => {
      f.get(x).set(from)
      if (above.length === 0) f.get(end).set(next)
      else {
        f.get(end).get(k).op('i32.sub').get(x).op('i32.add').set(next)
        this.#kernel.minimum(next, extent)
      }
      f.get(k).get(next).get(from).op('i32.sub').op('i32.add').set(k)
      f.get(next).set(to)
      this.#kernel.moved(loads, above, () => {
        f.block((skip) => {
          f.i32(0).set(x)
          cut?.(from, to, skip)
          f.get(from).set(x)
          this.#kernel.moved(loads, [inner], () => {
            f.loop((point) => {
              this.#kernel.fresh()
              each()
              this.#kernel.step(loads, inner)
              f.get(x).i32(1).op('i32.add').tee(x).get(to).op('i32.lt_u').brIf(point)
            })
          })
        })
      })
      f.get(next).set(x)
      if (above.length > 0) this.#carry(this.dims.length - 1)
      f.get(k).get(end).op('i32.lt_u').brIf(again)
    })
  }

  /** Where a coordinate has reached its extent, moves on to the next run. */
  #carry(at: number): void {
    const { f, coords, extents } = this.#kernel
    const d = this.dims[at]!
    f.get(coords[d]!).i32(extents[d]!).op('i32.eq')
    f.if(() => {
      f.i32(0).set(coords[d]!)
      if (at === 0) return
      const up = coords[this.dims[at - 1]!]!
      f.get(up).i32(1).op('i32.add').set(up)
      this.#carry(at - 1)
    })
  }
}
