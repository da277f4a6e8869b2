import { DTYPES } from '../../dtype.ts'
import { type Fn, I32, type Local, V128 } from '../emitter.ts'
import type { Kernel } from '../kernel.ts'
import { emitScalar } from '../scalar-code.ts'
import type { Load, Space } from '../space.ts'
import { decode } from './finish.ts'
import type { Side } from './plan.ts'
import { runs } from './runs.ts'

/** Whether loads' elements lie side by side along a dimension or do not move, and of at least one they lie so. */
export const sideBySide = (loads: readonly Load[], dim: number): boolean =>
  loads.every((l) => {
    const by = l.at.by[dim]!
    return by === 0 || by === DTYPES[l.dtype].bytes
  }) && loads.some((l) => l.at.by[dim] !== 0)

/** Whether walkAlong can take a side: all that depends on the innermost k is the elements' place. */
export const liesAlong = (space: Space, { reads, program }: Side): boolean => {
  const inner = space.outer.length + space.box.length - 1
  return (
    sideBySide(reads, inner) &&
    reads.every(
      (l) => l.inside.every((i) => i.form.by[inner] === 0) && (l.word?.load.at.by[inner] ?? 0) === 0,
    ) &&
    !(program?.code ?? []).some((i) => i.op === 'index')
  )
}

/**
 * Walks k in [k0, k1) along a few of a side's rows together, given by `goTo`, which sets the coordinates of the r-th:
 * rows need not lie evenly. `four` gets four k of every row, exchanged: for each k the rows' numbers, in their lanes;
 * `one` gets a single k of every row, each in a vector of its own. `cursor` moves on by `stride` bytes for each k.
 */
export const walkAlong = (
  kernel: Kernel,
  side: Side,
  rows: { readonly count: number; readonly goTo: (r: number) => void },
  cursor: { readonly at: Local; readonly stride: number },
  { k0, k1 }: { readonly k0: Local; readonly k1: Local },
  four: (values: readonly Local[][]) => void,
  one: (values: readonly Local[]) => void,
): void => {
  const { f, space } = kernel
  const { at, stride } = cursor
  const outer = [...space.outer.keys()]
  const box = space.box.map((_, d) => space.outer.length + d)
  const inner = box.at(-1)!
  const coords = Array.from({ length: rows.count }, (_, r) => {
    rows.goTo(r)
    return side.dims.map((d) => f.get(kernel.coords[d]!).keep(I32))
  })
  const pointers = coords.map(() => side.reads.map(() => f.local(I32)))
  const inside = coords.map(() => side.reads.map(() => f.local(I32)))
  const value = (r: number, load: (l: Load, at: Local) => void): Local => {
    const args = side.reads.map((l, n) => {
      if (l.inside.length === 0) load(l, pointers[r]![n]!)
      else
        f.get(inside[r]![n]!).ifV128(
          () => load(l, pointers[r]![n]!),
          () => f.splat(l.pad),
        )
      return f.keep(V128)
    })
    if (!side.program) return args[0]!
    return emitScalar(f, side.program, args, { fma: kernel.fma, index: () => undefined })
  }
  const points = (count: number, body: () => void, end: Local): void => {
    f.get(at).get(end).op('i32.lt_u')
    f.if(() => {
      f.loop((again) => {
        body()
        for (const ofRow of pointers)
          side.reads.forEach((l, n) => {
            const by = l.at.by[inner]!
            if (by !== 0)
              f.get(ofRow[n]!)
                .i32(count * by)
                .op('i32.add')
                .set(ofRow[n]!)
          })
        f.get(at)
          .i32(count * stride)
          .op('i32.add')
          .tee(at)
        f.get(end).op('i32.lt_u').brIf(again)
      })
    })
  }
  runs(kernel, k0, k1, (length) => {
    coords.forEach((of, r) => {
      side.dims.forEach((d, n) => {
        f.get(of[n]!).set(kernel.coords[d]!)
      })
      side.reads.forEach((l, n) => {
        kernel.locate(l, [...outer, ...box]).set(pointers[r]![n]!)
        if (l.inside.length > 0) kernel.isInside(l).set(inside[r]![n]!)
      })
    })
    const fours = f
      .get(length)
      .i32(-4)
      .op('i32.and')
      .i32(stride)
      .op('i32.mul')
      .get(at)
      .op('i32.add')
      .keep(I32)
    const ones = f.get(length).i32(stride).op('i32.mul').get(at).op('i32.add').keep(I32)
    points(
      4,
      () => {
        const values = coords.map((_, r) => value(r, (l, p) => kernel.elements(l, p, l.at.by[inner]!)))
        const fourRows = Array.from({ length: Math.ceil(values.length / 4) }, (_, q) =>
          exchange(f, values.slice(4 * q, 4 * q + 4)),
        )
        four([0, 1, 2, 3].map((k) => fourRows.map((of) => of[k]!)))
      },
      fours,
    )
    points(1, () => one(coords.map((_, r) => value(r, (l, p) => kernel.elements(l, p, 0)))), ones)
  })
}

/** Goes to the side's row with the number on the stack, or to `last` where that is less. */
export const goToRow = (kernel: Kernel, { dims }: Side, last: Local): void => {
  const { f } = kernel
  const number = f.keep(I32)
  f.get(number).get(last).get(number).get(last).op('i32.lt_u').op('select').set(number)
  decode(kernel, dims, number)
}

/** Up to four rows of four k each, as four k of up to four rows. */
const exchange = (f: Fn, rows: readonly Local[]): Local[] => {
  const [a, b = a, c = a, d = b] = rows as [Local, Local?, Local?, Local?]
  const mix = (x: Local, y: Local, ...words: number[]): Local =>
    f
      .get(x)
      .get(y)
      .shuffleWords(...words)
      .keep(V128)
  const [low, high] = [mix(a, b, 0, 4, 1, 5), mix(a, b, 2, 6, 3, 7)]
  const next = (x: Local): Local => mix(x, x, 2, 3, 0, 1)
  if (rows.length <= 2) return [low, next(low), high, next(high)]
  const [low2, high2] = [mix(c, d, 0, 4, 1, 5), mix(c, d, 2, 6, 3, 7)]
  return [
    mix(low, low2, 0, 1, 4, 5),
    mix(low, low2, 2, 3, 6, 7),
    mix(high, high2, 0, 1, 4, 5),
    mix(high, high2, 2, 3, 6, 7),
  ]
}
