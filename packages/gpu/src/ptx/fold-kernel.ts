import {
  addressOf,
  BLOCK,
  type Dtype,
  type FoldNode,
  type MapNode,
  type Register,
  type ScalarProgram,
  size,
} from '@lockstep/tensor'
import { elementAddress, loadElementCode, storeElementCode } from './elements.ts'
import { PtxKernel } from './kernel-text.ts'
import { type Launch, scratchAt } from './launch.ts'
import { mapLaunch } from './map-kernel.ts'
import {
  bytesOf,
  loadBases,
  loadNear,
  nearAddress,
  Point,
  slotsOf,
  threadNumber,
  unravelCode,
} from './point.ts'
import { emitScalar } from './scalar-code.ts'
import { isPlain, outerExtents, spaceOf } from './space.ts'

const THREADS = 128
/** Threads that fill a device; below that, whole blocks of a blocked fold are given to threads of their own. */
const ENOUGH_THREADS = 1 << 17
/** Instructions of the steps that a loop holds side by side, so that their reads are under way together. */
const UNROLLED = 64

/**
 * A fold, one output element a thread; where those are few, one whole block of one a thread, and then the blocks. Scratch
 * is free from `scratch` on.
 */
export const foldLaunches = (node: FoldNode, name: string, scratch = 0): Launch[] => {
  const points = size(node.box)
  if (points === 0) return [mapLaunch(initOnly(node), name)]
  const blocks = Math.ceil(points / BLOCK)
  const outputs = size(outerExtents(node))
  if (node.order.kind !== 'blocked' || blocks === 1 || outputs >= ENOUGH_THREADS)
    return [whole(node, name, scratch)]
  if (outputs * blocks >= 2 ** 29) return [whole(node, name, scratch)]
  // Many results are combined block by block again.
  const results = combined(node, scratch)
  return [
    blockResults(node, `${name}_blocks`, scratch),
    ...foldLaunches(results, `${name}_combined`, afterResults(node, scratch)),
  ]
}

/** A fold over nothing. */
const initOnly = (node: FoldNode): MapNode => {
  const { init } = node.order as FoldNode['order'] & { init: unknown }
  const { dtype, shape } = node
  const register = resultOf(node.step)
  if (typeof init !== 'number')
    return {
      kind: 'map',
      dtype,
      shape,
      reads: [init as never],
      program: { args: [register], code: [], result: 0 },
    }
  const op = register === 'f' ? 'const_f' : 'const_u'
  return {
    kind: 'map',
    dtype,
    shape,
    reads: [],
    program: { args: [], code: [{ op, immediate: init }], result: 0 },
  }
}

/** The register of a program's accumulator: its first argument. */
const resultOf = ({ args }: ScalarProgram): Register => args[0]!

/** A fold's loop over k in a thread's registers. */
export class Walk {
  readonly k: PtxKernel
  readonly node: FoldNode
  readonly point: Point
  readonly outer: readonly string[]
  readonly counter: string
  readonly #pointers: ({ readonly at: string; readonly by: number; readonly near: boolean } | undefined)[]
  readonly #box: readonly number[]
  readonly #unroll: number
  readonly #emitted: ((acc: string, unrolled: number) => void) | undefined

  constructor(
    point: Point,
    node: FoldNode,
    outer: readonly string[],
    from: string | number,
    emitted?: (acc: string, unrolled: number) => void,
  ) {
    const { k, space } = point
    this.k = k
    this.node = node
    this.point = point
    this.outer = outer
    this.#emitted = emitted
    this.#box = space.box
    this.counter = k.let('r', 'mov.b32', from)
    const start = point.moved([...outer, ...this.#coordinates(this.counter)])
    this.#pointers = node.reads.map((read) => {
      if (space.box.length > 1 || !isPlain(read)) return undefined
      const form = space.form(addressOf(read)!)
      const step = form.by[space.outer.length] ?? 0
      const near = point.near(read)
      if (near !== undefined) return { at: nearAddress(k, near, start.word(form)), by: 4 * step, near: true }
      const by = step * bytesOf(read.dtype)
      if (Math.abs(by) >= 2 ** 24) return undefined
      const at = elementAddress(k, start.base(read.ref), start.word(form), read.dtype)
      return { at, by, near: false }
    })
    const fits = this.#pointers.every((p) => p) && node.order.kind !== 'scan'
    const cost = node.step.code.length + node.reads.length + 4 * node.guards.length
    this.#unroll = fits ? ([8, 4, 2].find((n) => n * cost <= UNROLLED) ?? 1) : 1
  }

  #coordinates(k: string): string[] {
    return unravelCode(this.k, k, this.#box)
  }

  /** Folds k from where it stands to `end` into `acc`, which it changes in place. */
  run(acc: string, end: string | number): void {
    const { k, counter } = this
    const rest = k.label()
    const done = k.label()
    const n = this.#unroll
    if (n > 1) {
      const main = k.label()
      k.place(main)
      const ahead = k.let('r', 'add.u32', counter, n)
      const full = k.let('p', 'setp.le.u32', ahead, end)
      k.emit(`@!${full} bra ${rest}`)
      this.#steps(acc, n)
      k.emit(`bra ${main}`)
    }
    k.place(rest)
    const left = k.let('p', 'setp.lt.u32', counter, end)
    k.emit(`@!${left} bra ${done}`)
    this.#steps(acc, 1)
    k.emit(`bra ${rest}`)
    k.place(done)
  }

  #steps(acc: string, n: number): void {
    const { k, node, counter } = this
    const places = Array.from({ length: n }, (_, u) => {
      const needed = this.#box.length > 0
      const at = u === 0 || !needed ? counter : k.let('r', 'add.u32', counter, u)
      return this.point.moved([...this.outer, ...(needed ? this.#coordinates(at) : [])])
    })
    // What all steps read is asked for before the first of them waits.
    const loaded = places.map((place) =>
      node.reads.map((read, r) => {
        const pointer = this.#pointers[r]
        return pointer
          ? (pointer.near ? loadNear : loadElementCode)(
              k,
              read.dtype,
              pointer.at,
              places.indexOf(place) * pointer.by,
            )
          : n === 1
            ? undefined
            : place.read(read)
      }),
    )
    places.forEach((place, u) => {
      const holds = place.guards(node.guards)
      const skip = k.label()
      if (holds) k.emit(`@!${holds} bra ${skip}`)
      const args = loaded[u]!.map((value, r) => value ?? place.read(node.reads[r]!))
      const next = emitScalar(k, node.step, [acc, ...args], (p) => place.index(p))
      k.emit(`mov.b32 ${acc}, ${next}`)
      if (holds) k.place(skip)
      this.#emitted?.(acc, u)
    })
    k.emit(`add.u32 ${counter}, ${counter}, ${n}`)
    for (const pointer of this.#pointers)
      if (pointer && pointer.by !== 0)
        k.emit(`${pointer.near ? 'add.s32' : 'add.s64'} ${pointer.at}, ${pointer.at}, ${n * pointer.by}`)
  }

  accumulator(value?: string): string {
    const { k, node } = this
    const acc = k.register(resultOf(node.step) === 'f' ? 'f' : 'r')
    const init = value ?? k.let('r', 'mov.b32', (node.order.init as number) >>> 0)
    k.emit(`mov.b32 ${acc}, ${init}`)
    return acc
  }

  /** A blocked fold: `level` 0 is one block, level n combines results of level n - 1, each of BLOCK^n steps. */
  blocked(level: number, end: string | number): string {
    const { k, counter, node } = this
    const acc = this.accumulator()
    if (level === 0) {
      this.run(acc, end)
      return acc
    }
    const { combine } = node.order as Extract<FoldNode['order'], { kind: 'blocked' }>
    const next = k.label()
    k.place(next)
    const ahead = k.let('r', 'add.u32', counter, BLOCK ** level)
    const inner = this.blocked(level - 1, k.let('r', 'min.u32', ahead, end))
    k.emit(`mov.b32 ${acc}, ${emitScalar(k, combine, [acc, inner], noIndex)}`)
    const more = k.let('p', 'setp.lt.u32', counter, end)
    k.emit(`@${more} bra ${next}`)
    return acc
  }
}

const noIndex = (): never => {
  throw new Error('a combine program has no coordinates')
}

/** How many times results must be combined until one remains. */
export const levelsOf = (points: number): number => {
  let levels = 0
  for (let n = Math.ceil(points / BLOCK); n > 1; n = Math.ceil(n / BLOCK)) levels++
  return levels
}

const whole = (node: FoldNode, name: string, scratch: number): Launch => {
  const space = spaceOf(node)
  const slots = slotsOf(node)
  const outputs = size(outerExtents(node))
  const points = size(node.box)
  const k = new PtxKernel(name, THREADS, 1 + slots.length)
  const number = threadNumber(k, outputs)
  const outer = unravelCode(k, number, space.outer)
  const base = k.parameter(0)
  const bases = loadBases(k, slots, 1)
  const point = new Point(k, space, outer, bases)
  const { order } = node
  if (order.kind === 'scan') {
    const first = k.let('r', 'mul.lo.u32', number, points)
    const out = elementAddress(k, base, first, node.dtype)
    const bytes = bytesOf(node.dtype)
    const walk = new Walk(point, node, outer, 0, (acc) => {
      storeElementCode(k, node.dtype, out, acc)
      k.emit(`add.s64 ${out}, ${out}, ${bytes}`)
    })
    walk.run(walk.accumulator(initOf(node, point)), points)
  } else {
    const walk = new Walk(point, node, outer, 0)
    let acc: string
    if (order.kind === 'blocked') acc = walk.blocked(levelsOf(points), points)
    else {
      acc = walk.accumulator(initOf(node, point))
      walk.run(acc, points)
    }
    storeElementCode(k, node.dtype, elementAddress(k, base, number, node.dtype), acc)
  }
  return { kernel: k, blocks: Math.ceil(outputs / THREADS), slots, scratch }
}

/** A chain's init at a point of the output, where it is read. */
export const initOf = (node: FoldNode, point: Point): string | undefined => {
  const { init } = node.order
  return typeof init === 'number' ? undefined : point.read(init)
}

/** The dtype that holds an accumulator whole. */
export const accumulatorDtype = (node: FoldNode): Dtype => (resultOf(node.step) === 'f' ? 'f32' : 'u32')

/** Writes the result of every block of every output element to scratch, block by block. */
const blockResults = (node: FoldNode, name: string, scratch: number): Launch => {
  const space = spaceOf(node)
  const slots = slotsOf(node)
  const outputs = size(node.shape)
  const points = size(node.box)
  const blocks = Math.ceil(points / BLOCK)
  const k = new PtxKernel(name, THREADS, 1 + slots.length)
  const number = threadNumber(k, outputs * blocks)
  const [block, element] = unravelCode(k, number, [blocks, outputs]) as [string, string]
  const outer = unravelCode(k, element, space.outer)
  const point = new Point(k, space, outer, loadBases(k, slots, 1))
  const from = k.let('r', 'mul.lo.u32', block, BLOCK)
  const end = k.let('r', 'min.u32', k.let('r', 'add.u32', from, BLOCK), points)
  const walk = new Walk(point, node, outer, from)
  const acc = walk.blocked(0, end)
  const dtype = accumulatorDtype(node)
  storeElementCode(k, dtype, elementAddress(k, k.parameter(0), number, dtype), acc)
  return {
    kernel: k,
    blocks: Math.ceil((outputs * blocks) / THREADS),
    slots,
    scratch: afterResults(node, scratch),
    writes: scratch,
  }
}

/** Where scratch is free again behind the block results of a node that lie at `scratch`. */
export const afterResults = ({ shape, box }: FoldNode, scratch: number): number =>
  scratch + Math.ceil((4 * size(shape) * Math.ceil(size(box) / BLOCK)) / 256) * 256

/** Combining the block results that lie in scratch: itself a blocked fold, whose step is the combining. */
export const combined = (node: FoldNode, scratch: number): FoldNode => {
  const { order } = node
  if (order.kind !== 'blocked') throw new Error('only a blocked fold has block results')
  const outputs = size(node.shape)
  const blocks = Math.ceil(size(node.box) / BLOCK)
  return {
    kind: 'fold',
    dtype: node.dtype,
    shape: [outputs],
    box: [blocks],
    reads: [
      {
        ref: scratchAt(scratch),
        dtype: accumulatorDtype(node),
        view: [blocks, outputs],
        coords: [
          { base: 0, terms: [{ at: 1, by: 1 }] },
          { base: 0, terms: [{ at: 0, by: 1 }] },
        ],
      },
    ],
    guards: [],
    step: order.combine,
    order,
  }
}
