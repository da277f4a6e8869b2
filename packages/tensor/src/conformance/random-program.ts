import { DTYPES, type Dtype, type Register } from '../dtype.ts'
import type { Affine, Bound, Coord, FoldNode, Guard, Node, Read, Ref, WordRead } from '../node.ts'
import type { NamedType, Program, Tensor, TensorType } from '../program.ts'
import { size } from '../shape.ts'
import { randomScalar, usualStep } from './random-scalar.ts'
import { randomTensor } from './random-tensor.ts'
import { Seeded } from './seeded.ts'

/** A valid program with an initial state and inputs, all from one integer: what executors are compared on. */
export type RandomProgram = {
  readonly program: Program
  readonly state: readonly Tensor[]
  readonly inputs: readonly Tensor[]
}
export type RandomOptions = {
  readonly nodes?: number
  /** About how many steps of folds a node may have. */
  readonly work?: number
}

export const randomProgram = (seed: number, options: RandomOptions = {}): RandomProgram =>
  new Builder(seed, options).build()

const DTYPE_NAMES = Object.keys(DTYPES) as Dtype[]
const EXTENTS = [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 16, 17, 23, 33, 40, 70]
/** Numbers of steps around the cuts of blocked folds, each with boxes that have it. */
const BOXES: readonly (readonly number[])[] = [
  [[0], [3, 0], [1], [1, 1], [2], [3], [4], [5], [2, 3], [7], [9], [3, 1, 4], [16], [3, 3, 5]],
  [[255], [5, 51], [256], [4, 64], [2, 8, 16], [257], [1, 257], [512], [513], [27, 19], [3, 3, 57], [700]],
].flat()

const MAX_ELEMENTS = 700

class Builder {
  readonly #r: Seeded
  readonly #work: number
  readonly #count: number
  readonly #nodes: Node[] = []
  readonly #state: NamedType[] = []
  readonly #inputs: NamedType[] = []
  readonly #stateTensors: Tensor[] = []
  readonly #inputTensors: Tensor[] = []

  constructor(seed: number, options: RandomOptions) {
    this.#r = new Seeded(seed)
    this.#work = options.work ?? 6000
    this.#count = options.nodes ?? this.#r.between(2, 7)
  }

  build(): RandomProgram {
    const r = this.#r
    for (let i = r.between(1, 4); i > 0; i--)
      this.#source('state', { dtype: r.pick(DTYPE_NAMES), shape: this.#shape(60) })
    for (let i = 0; i < this.#count; i++) this.#nodes.push(r.chance(40) ? this.#map() : this.#fold())
    const next = this.#state.map((_, i) => this.#next(i))
    const outputs = Array.from({ length: r.between(0, 4) }, (_, i) => ({
      name: `output${i}`,
      ref: r.pick(this.#sources()).ref,
    }))
    return {
      program: { state: this.#state, inputs: this.#inputs, nodes: this.#nodes, next, outputs },
      state: this.#stateTensors,
      inputs: this.#inputTensors,
    }
  }

  #source(from: 'state' | 'input', type: TensorType, smallWords?: number): Ref {
    const [types, tensors] =
      from === 'state' ? [this.#state, this.#stateTensors] : [this.#inputs, this.#inputTensors]
    tensors.push(randomTensor(this.#r, type, smallWords))
    return { from, index: types.push({ ...type, name: `${from}${types.length}` }) - 1 }
  }

  #sources(): { ref: Ref; type: TensorType }[] {
    const list = (from: Ref['from'], types: readonly TensorType[]): { ref: Ref; type: TensorType }[] =>
      types.map((type, index) => ({ ref: { from, index }, type }))
    return [...list('node', this.#nodes), ...list('state', this.#state), ...list('input', this.#inputs)]
  }

  #shape(most: number, longest = 4): number[] {
    const r = this.#r
    const shape: number[] = []
    for (let rank = r.between(0, longest + 1); rank > 0; rank--) {
      const extent = r.pick(EXTENTS)
      if (size(shape) * extent <= most) shape.push(extent)
    }
    return shape
  }

  #next(i: number): Ref {
    const r = this.#r
    const type = this.#state[i]!
    if (r.chance(15)) return { from: 'state', index: i }
    const same = this.#sources().filter(
      ({ type: t }) => t.dtype === type.dtype && `${t.shape}` === `${type.shape}`,
    )
    if (r.chance(40)) return r.pick(same).ref
    this.#nodes.push(this.#map(type))
    return { from: 'node', index: this.#nodes.length - 1 }
  }

  #map(type?: TensorType): Node {
    const r = this.#r
    const dtype = type?.dtype ?? r.pick(DTYPE_NAMES)
    const shape = type?.shape ?? this.#shape(MAX_ELEMENTS)
    const reads = Array.from({ length: r.between(0, 4) }, () => this.#read(shape))
    const args = reads.map((x) => DTYPES[x.dtype].register)
    return {
      kind: 'map',
      dtype,
      shape,
      reads,
      program: randomScalar(r, args, DTYPES[dtype].register, shape.length),
    }
  }

  #fold(): Node {
    const r = this.#r
    const kind = r.pick(['blocked', 'blocked', 'chain', 'scan'] as const)
    let box: readonly number[] = r.pick(BOXES)
    if (kind === 'scan' && size(box) === 0) box = [5]
    const outer = this.#shape(
      Math.max(1, Math.min(MAX_ELEMENTS, Math.floor(this.#work / Math.max(size(box), 1)))),
    )
    const dtype =
      kind === 'scan' ? r.pick(['f32', 'u32'] as const) : r.pick<Dtype>(['f32', 'f32', ...DTYPE_NAMES])
    const register = DTYPES[dtype].register
    const space = [...outer, ...box]
    const usual = r.chance(50)
    const reads = usual
      ? Array.from({ length: register === 'f' && r.chance(60) ? 2 : 1 }, () => this.#read(space, register))
      : Array.from({ length: r.between(0, 4) }, () => this.#read(space))
    const args = [register, ...reads.map((x) => DTYPES[x.dtype].register)]
    const step = (usual ? usualStep(r, args) : undefined) ?? randomScalar(r, args, register, space.length, 6)
    const guards = r.chance(40)
      ? Array.from({ length: r.between(1, 4) }, () => this.#guard(space, outer.length))
      : []
    const constant =
      register === 'f'
        ? r.pick([0x80000000, 0x80000000, 0, 0x3f800000, 0xff800000])
        : r.pick([0, 1, r.word()])
    const order: FoldNode['order'] =
      kind === 'blocked'
        ? {
            kind,
            init: constant,
            combine:
              (r.chance(70) ? usualStep(r, [register, register]) : undefined) ??
              randomScalar(r, [register, register], register, 0, 4),
          }
        : { kind, init: r.chance(50) ? constant : this.#read(outer, register) }
    return { kind: 'fold', dtype, shape: kind === 'scan' ? space : outer, box, reads, guards, step, order }
  }

  #read(space: readonly number[], register?: Register): Read {
    const r = this.#r
    const dtypes = DTYPE_NAMES.filter((d) => !register || DTYPES[d].register === register)
    const dtype = r.chance(50)
      ? r.pick(dtypes)
      : register === 'u'
        ? 'u32'
        : r.pick<Dtype>(['f32', dtypes[0]!])
    const made = r.chance(60) ? this.#aligned(space, dtypes.includes(dtype) ? dtype : dtypes[0]!) : undefined
    return made ?? this.#anyRead(space, dtypes)
  }

  /** A read of a fresh input that has some of the space's dimensions in some order, as most reads have. */
  #aligned(space: readonly number[], dtype: Dtype): Read | undefined {
    const r = this.#r
    const dims = space.map((_, d) => d).filter(() => r.chance(70))
    for (let i = dims.length - 1; i > 0; i--) {
      if (!r.chance(30)) continue
      const j = r.between(0, i + 1)
      ;[dims[i], dims[j]] = [dims[j]!, dims[i]!]
    }
    const view: number[] = []
    const coords: Coord[] = []
    let pad: number | undefined
    for (const d of dims) {
      const extent = Math.max(space[d]!, 1)
      const slack = r.chance(15) ? r.between(1, 3) : 0
      if (size(view) * (extent + slack) > 20000) return undefined
      view.push(extent + slack)
      if (r.chance(10)) {
        coords.push({ word: this.#word(space, extent + slack) })
        continue
      }
      const flipped = r.chance(10)
      let base = flipped ? extent - 1 : r.between(0, slack + 1)
      if (r.chance(10)) {
        pad = this.#pad(dtype)
        base += r.between(-3, 4)
      }
      coords.push({ base, terms: space[d] === 1 && r.chance(50) ? [] : [{ at: d, by: flipped ? -1 : 1 }] })
    }
    if (view.length > 8 || coords.filter((c) => 'word' in c).length > 1) return undefined
    const ref = this.#source('input', { dtype, shape: [size(view)] })
    return { ref, dtype, view, coords, ...(pad === undefined ? {} : { pad }) }
  }

  #pad(dtype: Dtype): number {
    return DTYPES[dtype].register === 'f'
      ? this.#r.pick([0, 0x80000000, 0x3fc00000, 0x7fc00000, 0x3f800001])
      : this.#r.word()
  }

  /** A read of any tensor there is, under any view. */
  #anyRead(space: readonly number[], dtypes: readonly Dtype[]): Read {
    const r = this.#r
    const known = this.#sources().filter(({ type }) => dtypes.includes(type.dtype))
    const source = known.length > 0 ? r.pick(known) : undefined
    const type = source?.type ?? { dtype: r.pick(dtypes), shape: this.#shape(MAX_ELEMENTS) }
    const ref = source?.ref ?? this.#source('input', type)
    const view = this.#view(size(type.shape))
    const padded = r.chance(25)
    const word = r.chance(20) && view.length > 0 ? r.between(0, view.length) : -1
    const coords = view.map(
      (extent, d): Coord =>
        d === word
          ? { word: this.#word(space, extent) }
          : padded && r.chance(60)
            ? this.#free(space, extent)
            : this.#within(space, extent),
    )
    return { ref, dtype: type.dtype, view, coords, ...(padded ? { pad: this.#pad(type.dtype) } : {}) }
  }

  /** A shape with `n` elements. */
  #view(n: number): number[] {
    const r = this.#r
    const view: number[] = []
    let rest = n
    while (rest > 1 && view.length < 4) {
      const divisors = [2, 3, 4, 5, 7, 8, 11, 16, 17, 23].filter((p) => rest % p === 0)
      if (divisors.length === 0 || r.chance(40)) break
      const p = r.pick(divisors)
      view.push(p)
      rest /= p
    }
    view.push(rest)
    if (r.chance(20)) view.splice(r.between(0, view.length + 1), 0, 1)
    return view
  }

  /** An affine form whose values all lie in [0, extent). */
  #within(space: readonly number[], extent: number): Affine {
    const r = this.#r
    let room = extent - 1
    let base = 0
    const terms: { at: number; by: number }[] = []
    space.forEach((e, at) => {
      if (!r.chance(60)) return
      const reach = Math.max(e - 1, 0)
      const most = reach === 0 ? 5 : Math.floor(room / reach)
      if (most === 0) return
      const size = r.chance(50) ? 1 : r.between(1, most + 1)
      const by = r.chance(25) ? -size : size
      terms.push({ at, by })
      room -= size * reach
      if (by < 0) base += size * reach
    })
    return { base: base + (room > 0 ? r.between(0, room + 1) : 0), terms }
  }

  /** An affine form that may leave [0, extent), sometimes by far. */
  #free(space: readonly number[], extent: number): Affine {
    const r = this.#r
    const terms = space.flatMap((_, at) => {
      const by = r.chance(5) ? r.pick([2 ** 31 - 1, -(2 ** 31), 1 << 20]) : r.between(-2, 3)
      return by !== 0 && r.chance(60) ? [{ at, by }] : []
    })
    return { base: r.chance(3) ? -(2 ** 31) : r.between(-3, extent + 3), terms }
  }

  #word(space: readonly number[], extent: number): WordRead {
    const r = this.#r
    const known = this.#sources().filter(({ type }) => type.dtype === 'u32' || type.dtype === 'u8')
    if (known.length > 0 && r.chance(40)) {
      const { ref, type } = r.pick(known)
      const view = this.#view(size(type.shape))
      return { ref, dtype: type.dtype as 'u32' | 'u8', view, coords: view.map((e) => this.#within(space, e)) }
    }
    // a word for each place along one dimension
    const dtype = r.pick(['u32', 'u32', 'u8'] as const)
    const at = r.between(0, Math.max(space.length, 1))
    const n = Math.max(space[at] ?? 1, 1)
    const ref = this.#source('input', { dtype, shape: [n] }, extent + 2)
    return { ref, dtype, view: [n], coords: [{ base: 0, terms: n > 1 ? [{ at, by: 1 }] : [] }] }
  }

  #guard(space: readonly number[], outer: number): Guard {
    const r = this.#r
    const form = (): Affine => {
      if (r.chance(10)) return this.#free(space, 4)
      const at = r.between(0, Math.max(space.length, 1))
      return { base: r.between(-2, 6), terms: space.length > 0 ? [{ at, by: r.pick([1, 1, 1, -1, 2]) }] : [] }
    }
    // a scatter's guard: a word of the box equals an output coordinate
    if (r.chance(35) && outer > 0 && space.length > outer) {
      const d = r.between(0, outer)
      const at = r.between(outer, space.length)
      const n = Math.max(space[at]!, 1)
      const ref = this.#source('input', { dtype: 'u32', shape: [n] }, space[d]! + 1)
      const word: Bound = {
        word: { ref, dtype: 'u32', view: [n], coords: [{ base: 0, terms: n > 1 ? [{ at, by: 1 }] : [] }] },
      }
      const coordinate: Bound = { base: r.pick([0, 0, 1]), terms: [{ at: d, by: 1 }] }
      const [left, right] = r.chance(50) ? [word, coordinate] : [coordinate, word]
      return { test: 'eq', left, right }
    }
    const side = (): Bound => (r.chance(25) ? { word: this.#word(space, 8) } : form())
    return { test: r.chance(75) ? 'lt' : 'eq', left: side(), right: side() }
  }
}
