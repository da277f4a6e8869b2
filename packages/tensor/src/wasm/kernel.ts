import { DTYPES, type Dtype } from '../dtype.ts'
import { Fn, I32, KERNEL, type Local, V128 } from './emitter.ts'
import type { Fma } from './fma.ts'
import { canonical, narrowBf16, narrowF16, widenBf16, widenF16 } from './formats.ts'
import { type Form, formRange, isForm, type Load, type Side, type Space, type Test } from './space.ts'

/** A place in the register tile: `row` steps along the tile's row dimension, `vector` times four along the lanes'. */
export type Place = { readonly row: number; readonly vector: number }
export const ORIGIN: Place = { row: 0, vector: 0 }

/** How a kernel lays its register tile over the output. Without `lane` it computes one element at a time. */
export type Tile = {
  readonly lane?: number // the dimension that the four lanes run along
  readonly vectors: number
  readonly row?: number
  readonly rows: number
}

/** Values that are kept in registers through a loop: of sixteen, most are the loop's own. */
const MOST_KEPT = 4

const BEGIN = 0
const END = 1
const ARGUMENTS = 2

/**
 * A kernel being written: where the tile stands (one local per dimension), the loads' addresses, and the values that
 * have been loaded for the current point. All arithmetic is in four lanes; without a lane dimension the lanes agree.
 */
export class Kernel {
  readonly f: Fn = new Fn(KERNEL)
  readonly space: Space
  /** Changed only between loops: a remainder is walked without lanes. */
  tile: Tile
  readonly fma: Fma
  readonly extents: readonly number[]
  readonly coords: readonly Local[]
  readonly loads: readonly Load[]
  readonly #pointers: readonly Local[]
  readonly #address = new Map<Load, Local>()
  #cache = new Map<string, Local>()

  constructor(space: Space, tile: Tile, fma: Fma) {
    this.space = space
    this.tile = tile
    this.fma = fma
    this.extents = [...space.outer, ...space.box]
    this.coords = this.extents.map(() => this.f.local(I32))
    const loads: Load[] = []
    const collect = (l: Load): void => {
      loads.push(l)
      if (l.word) loads.push(l.word.load)
    }
    collect(space.out)
    space.reads.forEach(collect)
    for (const g of space.guards) for (const s of [g.left, g.right]) if (!isForm(s)) collect(s.load)
    if (typeof space.init !== 'number') collect(space.init)
    this.loads = loads
    this.#pointers = [0, ...space.slots].map((_, slot) =>
      this.f
        .get(ARGUMENTS)
        .memory('i32.load', 4 * slot)
        .keep(I32),
    )
  }

  /** Runs `body` for every unit in the range; `decode` gets the local with the unit's number. */
  units(body: (unit: Local) => void): void {
    const { f } = this
    const unit = f.get(BEGIN).keep(I32)
    f.block((done) => {
      f.get(unit).get(END).op('i32.ge_u').brIf(done)
      f.loop((again) => {
        body(unit)
        f.get(unit).i32(1).op('i32.add').tee(unit).get(END).op('i32.lt_u').brIf(again)
      })
    })
  }

  /**
   * Sets coordinates from a unit's number. Each part is a dimension cut into pieces of `size`; the last part is the
   * fastest. The last piece of a dimension is moved back to be whole, so places may be computed twice, to equal bits;
   * where it is `cut`, it stays and the caller minds its end.
   */
  decode(unit: Local, parts: readonly { dim: number; size: number; cut?: boolean }[]): void {
    const { f } = this
    const rest = f.get(unit).keep(I32)
    for (let i = parts.length - 1; i >= 0; i--) {
      const { dim, size, cut } = parts[i]!
      const pieces = Math.ceil(this.extents[dim]! / size)
      const at = this.coords[dim]!
      if (i === 0) f.get(rest).set(at)
      else {
        f.get(rest).i32(pieces).op('i32.rem_u').set(at)
        f.get(rest).i32(pieces).op('i32.div_u').set(rest)
      }
      if (size > 1) {
        f.get(at).i32(size).op('i32.mul').set(at)
        if (!cut && this.extents[dim]! % size !== 0) this.minimum(at, this.extents[dim]! - size)
      }
    }
  }

  /** local = min(local, limit), unsigned. */
  minimum(local: Local, limit: number): void {
    this.f.get(local).i32(limit).get(local).i32(limit).op('i32.lt_u').op('select').set(local)
  }

  // addresses ----------------------------------------------------------------------------------------------------

  address(load: Load): Local {
    return this.#address.get(load)!
  }

  /** Starts a load's address from its pointer and the coordinates of `dims`. */
  start(load: Load, dims: readonly number[]): void {
    const { f } = this
    f.get(this.#pointers[load.slot]!)
    if (load.at.base !== 0) f.i32(load.at.base).op('i32.add')
    this.#advance(load.at, dims)
    const known = this.#address.get(load)
    if (known === undefined) this.#address.set(load, f.keep(I32))
    else f.set(known)
  }

  /** A copy of every load's address, moved on by the coordinates of `dims`; `body` sees the moved ones. */
  moved(loads: readonly Load[], dims: readonly number[], body: () => void): void {
    const before = loads.map((load) => {
      const from = this.address(load)
      if (dims.every((d) => load.at.by[d] === 0)) return from
      this.f.get(from)
      this.#advance(load.at, dims)
      this.#address.set(load, this.f.keep(I32))
      return from
    })
    body()
    loads.forEach((load, i) => {
      this.#address.set(load, before[i]!)
    })
  }

  #advance(form: Form, dims: readonly number[]): void {
    const { f } = this
    for (const d of dims) {
      const by = form.by[d]!
      if (by === 0) continue
      f.get(this.coords[d]!)
      if (by !== 1) f.i32(by).op('i32.mul')
      f.op('i32.add')
    }
  }

  /** One step along a dimension, for every address in `loads`. */
  step(loads: readonly Load[], dim: number): void {
    for (const load of loads) {
      const by = load.at.by[dim]!
      if (by === 0) continue
      this.f.get(this.address(load)).i32(by).op('i32.add').set(this.address(load))
    }
  }

  // dependence ---------------------------------------------------------------------------------------------------

  laneStep(form: Form): number {
    return this.tile.lane === undefined ? 0 : form.by[this.tile.lane]!
  }
  rowStep(form: Form): number {
    return this.tile.row === undefined ? 0 : form.by[this.tile.row]!
  }
  #forms(load: Load): Form[] {
    return [load.at, ...load.inside.map((i) => i.form), ...(load.word ? [load.word.load.at] : [])]
  }
  #testForms(test: Test): Form[] {
    return [test.left, test.right].flatMap((s) => (isForm(s) ? [s.form] : this.#forms(s.load)))
  }
  variesByLane(test: Test): boolean {
    return this.#testForms(test).some((form) => this.laneStep(form) !== 0)
  }
  variesByRow(test: Test): boolean {
    return this.#testForms(test).some((form) => this.rowStep(form) !== 0)
  }

  /** Padded reads of which it is known, while `body` is written, that they are inside of their views or outside. */
  knowing(known: ReadonlyMap<Load, boolean>, body: () => void): void {
    this.#isInsideKnown = known
    body()
    this.#isInsideKnown = new Map()
  }
  #isInsideKnown: ReadonlyMap<Load, boolean> = new Map()

  // values -------------------------------------------------------------------------------------------------------

  /** Forgets loaded values: called wherever the point moves on. */
  fresh(): void {
    this.#cache = new Map(this.#kept)
  }
  /** Loads a few values that do not move along `dims`, for all of the tile, and knows them while `body` is written. */
  keeping(dims: readonly number[], places: readonly Place[], body: () => void): void {
    this.fresh()
    for (const load of this.space.reads) {
      const forms = this.#forms(load)
      const moves = forms.some((form) => dims.some((d) => form.by[d] !== 0))
      const rows = forms.some((x) => this.rowStep(x) !== 0) ? this.tile.rows : 1
      const vectors = forms.some((x) => this.laneStep(x) !== 0) ? this.tile.vectors : 1
      if (moves || load.inside.length > 0 || this.#cache.size + rows * vectors > MOST_KEPT) continue
      for (const place of places) this.value(load, place)
    }
    const before = this.#kept
    this.#kept = this.#cache
    body()
    this.#kept = before
    this.fresh()
  }
  #kept: ReadonlyMap<string, Local> = new Map()
  /** Values loaded inside `body` are not known outside it. */
  scoped(body: () => void): void {
    const before = new Map(this.#cache)
    body()
    this.#cache = before
  }

  /** The element that a load means at a place, in the register of its dtype, as four lanes. */
  value(load: Load, place: Place): Local {
    const forms = this.#forms(load)
    const row = forms.some((x) => this.rowStep(x) !== 0) ? place.row : 0
    const vector = forms.some((x) => this.laneStep(x) !== 0) ? place.vector : 0
    const key = `${this.loads.indexOf(load)} ${row} ${vector}`
    const known = this.#cache.get(key)
    if (known !== undefined) return known
    if (this.#crosses(load)) {
      this.#transpose(load, vector).forEach((local, r) => {
        this.#cache.set(`${this.loads.indexOf(load)} ${r} ${vector}`, local)
      })
      return this.#cache.get(key)!
    }
    this.#emitLoad(load, { row, vector })
    const local = this.f.keep(V128)
    this.#cache.set(key, local)
    return local
  }

  #offset(form: Form, place: Place): number {
    return place.row * this.rowStep(form) + 4 * place.vector * this.laneStep(form)
  }

  /** Whether elements lie side by side along the tile's four rows, and not along the lanes. */
  #crosses(load: Load): boolean {
    const lane = this.laneStep(load.at)
    return (
      this.tile.rows === 4 &&
      DTYPES[load.dtype].bytes === 4 &&
      this.rowStep(load.at) === 4 &&
      lane !== 0 &&
      lane !== 4 &&
      load.inside.length === 0 &&
      !load.word
    )
  }

  /** The values at four rows from four loads, one for each lane. */
  #transpose(load: Load, vector: number): Local[] {
    const { f } = this
    const lane = this.laneStep(load.at)
    const [a, b, c, d] = [0, 1, 2, 3].map((l) => {
      f.get(this.address(load))
      const offset = (4 * vector + l) * lane
      if (offset < 0) f.i32(offset).op('i32.add')
      return f.memory('v128.load', Math.max(offset, 0)).keep(V128)
    }) as [Local, Local, Local, Local]
    const mix = (x: Local, y: Local, ...words: number[]): Local =>
      f
        .get(x)
        .get(y)
        .shuffleWords(...words)
        .keep(V128)
    const [ab, cd] = [mix(a, b, 0, 4, 1, 5), mix(c, d, 0, 4, 1, 5)]
    const [ab2, cd2] = [mix(a, b, 2, 6, 3, 7), mix(c, d, 2, 6, 3, 7)]
    return [
      mix(ab, cd, 0, 1, 4, 5),
      mix(ab, cd, 2, 3, 6, 7),
      mix(ab2, cd2, 0, 1, 4, 5),
      mix(ab2, cd2, 2, 3, 6, 7),
    ]
  }

  #emitLoad(load: Load, place: Place): void {
    const { f } = this
    const lane = this.laneStep(load.at)
    const far = this.#offset(load.at, place)
    const known = this.#isInsideKnown.get(load)
    if (known === false) {
      f.splat(load.pad)
      return
    }
    const inside = known ? [] : load.inside
    const lanes = inside.filter((i) => this.laneStep(i.form) !== 0)
    const uniform = inside.filter((i) => this.laneStep(i.form) === 0)
    const gathers = load.word !== undefined && this.laneStep(load.word.load.at) !== 0

    const element = (): void => {
      if (gathers) {
        const { word } = load
        f.get(this.value(word!.load, place)).splat(word!.max).v('i32x4.min_u')
        f.splat(word!.scale).v('i32x4.mul').get(this.address(load)).v('i32x4.splat').v('i32x4.add')
        const base = [0, 1, 2, 3].map((l) => Math.imul(l, lane) + far)
        const at = f.words(base[0]!, base[1]!, base[2]!, base[3]!).v('i32x4.add').keep(V128)
        this.#gather(load, (l) => f.get(at).extract(l), lanes, place)
        return
      }
      let at = this.address(load)
      let offset = far
      if (load.word) {
        const { word } = load
        const word32 = this.#scalarWord(word.load, place)
        f.get(word32).i32(word.max).get(word32).i32(word.max).op('i32.lt_u').op('select')
        f.i32(word.scale).op('i32.mul').get(at).op('i32.add')
        if (offset !== 0) f.i32(offset).op('i32.add')
        at = f.keep(I32)
        offset = 0
      }
      if (lanes.length === 0) {
        this.#plain(load, at, offset, lane)
        return
      }
      const mask = this.#insideMask(lanes, place)
      f.get(mask).v('i32x4.all_true')
      f.ifV128(
        () => this.#plain(load, at, offset, lane),
        () => {
          f.get(mask).v('v128.any_true')
          f.ifV128(
            () =>
              this.#gather(
                load,
                (l) =>
                  f
                    .get(at)
                    .i32(offset + l * lane)
                    .op('i32.add'),
                lanes,
                place,
                mask,
              ),
            () => f.splat(load.pad),
          )
        },
      )
    }

    if (uniform.length === 0) {
      element()
      return
    }
    uniform.forEach(({ form, extent }, i) => {
      this.#wide(form, place)
      this.#isInside(extent)
      if (i > 0) f.op('i32.and')
    })
    f.ifV128(
      () => this.scoped(element),
      () => f.splat(load.pad),
    )
  }

  /** The i64 on the stack is in [0, extent). */
  #isInside(extent: number): void {
    const { f } = this
    const x = f.local(0x7e)
    f.tee(x).i64(-1).op('i64.gt_s').get(x).i64(extent).op('i64.lt_s').op('i32.and')
  }

  /** Lanes whose coordinates lie inside the view. */
  #insideMask(inside: readonly { form: Form; extent: number }[], place: Place): Local {
    const { f } = this
    inside.forEach(({ form, extent }, i) => {
      const [least, most] = formRange(form, this.extents)
      if (least >= -(2 ** 31) && most < 2 ** 31) {
        this.#lanes(form, place)
        f.splat(extent).v('i32x4.lt_u')
      } else
        this.#eachLane((lane) => {
          this.#wide(form, place, lane)
          this.#isInside(extent)
        })
      if (i > 0) f.v('v128.and')
    })
    return f.keep(V128)
  }

  /** A mask from four conditions (i32, 0 or 1). */
  #eachLane(condition: (lane: number) => void): void {
    const { f } = this
    f.splat(0)
    for (let lane = 0; lane < 4; lane++) {
      f.i32(0)
      condition(lane)
      f.op('i32.sub').replace(lane)
    }
  }

  /** Elements at consecutive lanes `step` bytes apart, widened; `at + offset` is the first one's address. */
  #plain(load: Load, at: Local, offset: number, step: number): void {
    const { f } = this
    const { dtype } = load
    const { bytes } = DTYPES[dtype]
    const place = (far = 0): number => {
      // a memory argument's offset is not negative and does not wrap, and a padded read's tile may start outside
      const total = offset + far
      f.get(at)
      if (total === 0 || (total > 0 && load.inside.length === 0)) return total
      f.i32(total).op('i32.add')
      return 0
    }
    if (step === 0) {
      if (bytes === 4) f.memory('v128.load32_splat', place())
      else f.memory(bytes === 2 ? 'i32.load16_u' : 'i32.load8_u', place()).v('i32x4.splat')
    } else if (step === bytes) {
      if (bytes === 4) f.memory('v128.load', place())
      else if (bytes === 2) f.memory('v128.load16x4_u', place())
      else f.memory('v128.load32_zero', place()).v('i16x8.extend_low_i8x16_u').v('i32x4.extend_low_i16x8_u')
    } else {
      f.splat(0)
      const words = f.keep(V128)
      for (let lane = 0; lane < 4; lane++) {
        const total = place(lane * step)
        f.get(words)
          .laneMemory(LANE[bytes], LANE_OF[bytes] * lane, total)
          .set(words)
      }
      f.get(words)
    }
    this.#widen(dtype)
  }

  #widen(dtype: Dtype): void {
    if (dtype === 'bf16') widenBf16(this.f)
    else if (dtype === 'f16') widenF16(this.f)
  }

  /** Elements at four addresses, with the pad where a lane is outside. */
  #gather(
    load: Load,
    at: (lane: number) => Fn,
    inside: readonly { form: Form; extent: number }[],
    place: Place,
    known?: Local,
  ): void {
    const { f } = this
    const { bytes } = DTYPES[load.dtype]
    const mask = known ?? (inside.length > 0 ? this.#insideMask(inside, place) : undefined)
    const words = f.splat(0).keep(V128)
    for (let lane = 0; lane < 4; lane++) {
      const one = (): void => {
        at(lane)
          .get(words)
          .laneMemory(LANE[bytes], LANE_OF[bytes] * lane)
          .set(words)
      }
      if (mask === undefined) one()
      else {
        f.get(mask).extract(lane)
        f.if(one)
      }
    }
    f.get(words)
    this.#widen(load.dtype)
    if (mask !== undefined) f.splat(load.pad).get(mask).v('v128.bitselect')
  }

  /** A word that all lanes share, as an i32 local. */
  #scalarWord(load: Load, place: Place): Local {
    const offset = this.#offset(load.at, place)
    this.f.get(this.address(load))
    if (offset < 0) this.f.i32(offset).op('i32.add')
    return this.f.memory(load.dtype === 'u8' ? 'i32.load8_u' : 'i32.load', Math.max(offset, 0)).keep(I32)
  }

  /** Leaves the address of a load's element at the coordinates of `dims`, the word that it goes through included. */
  locate(load: Load, dims: readonly number[]): Fn {
    const { f } = this
    if (load.word) {
      const { scale, max } = load.word
      this.start(load.word.load, dims)
      const word = this.#scalarWord(load.word.load, ORIGIN)
      f.get(word).i32(max).get(word).i32(max).op('i32.lt_u').op('select').i32(scale).op('i32.mul')
    }
    this.start(load, dims)
    f.get(this.address(load))
    return load.word ? f.op('i32.add') : f
  }

  /** Leaves whether a padded load's coordinates lie inside its view; they must not vary by lane. */
  isInside(load: Load): Fn {
    load.inside.forEach(({ form, extent }, i) => {
      this.#wide(form, ORIGIN)
      this.#isInside(extent)
      if (i > 0) this.f.op('i32.and')
    })
    return this.f
  }

  /** Leaves four elements from an address and an offset on, `step` bytes apart, as numbers or words. */
  elements(load: Load, at: Local, step: number, offset = 0): void {
    this.#plain(load, at, offset, step)
  }

  // forms and conditions -----------------------------------------------------------------------------------------

  /** A form's value as an i64, at a place and a lane. Forms reach 2^40. */
  #wide(form: Form, place: Place, lane = 0): void {
    const { f } = this
    f.i64(form.base + this.#offset(form, place) + lane * this.laneStep(form))
    form.by.forEach((by, d) => {
      if (by === 0) return
      f.get(this.coords[d]!).op('i64.extend_i32_u')
      if (by !== 1) f.i64(by).op('i64.mul')
      f.op('i64.add')
    })
  }

  /** A form whose range fits 32 bits, in four lanes. */
  #lanes(form: Form, place: Place): void {
    const { f } = this
    f.i32(0)
    this.#advance(form, [...form.by.keys()])
    f.v('i32x4.splat')
    const base = form.base + this.#offset(form, place)
    const lane = this.laneStep(form)
    if (base !== 0 || lane !== 0) f.words(base, base + lane, base + 2 * lane, base + 3 * lane).v('i32x4.add')
  }

  /** A coordinate of the iteration space in four lanes, on the stack. */
  index(position: number, place: Place): void {
    const dim = this.space.dim[position]
    if (dim === undefined) this.f.splat(0)
    else this.#lanes({ base: 0, by: this.extents.map((_, d) => (d === dim ? 1 : 0)) }, place)
  }

  #wideSide(side: Side, place: Place, lane = 0): void {
    if (isForm(side)) {
      this.#wide(side.form, place, lane)
      return
    }
    if (this.laneStep(side.load.at) === 0) this.f.get(this.#scalarWord(side.load, place))
    else this.f.get(this.value(side.load, place)).extract(lane)
    this.f.op('i64.extend_i32_u')
  }

  /** A side as an i64; it must be the same for all lanes. */
  sideI64(side: Side): void {
    this.#wideSide(side, ORIGIN)
  }

  /** Whether a guard holds at a place, as an i32; the guard must not vary by lane. */
  holds(test: Test, place: Place): void {
    this.#wideSide(test.left, place)
    this.#wideSide(test.right, place)
    this.f.op(test.test === 'lt' ? 'i64.lt_s' : 'i64.eq')
  }

  /** In which lanes a guard holds at a place, as a mask. */
  holdsMask(test: Test, place: Place): void {
    const { f } = this
    const { left, right } = test
    if (isForm(left) && isForm(right)) {
      const by = left.form.by.map((b, d) => right.form.by[d]! - b)
      const form = { base: right.form.base - left.form.base, by }
      const [least, most] = formRange(form, this.extents)
      if (least >= -(2 ** 31) && most < 2 ** 31) {
        this.#lanes(form, place)
        f.splat(0).v(test.test === 'lt' ? 'i32x4.gt_s' : 'i32x4.eq')
        return
      }
    } else if ([left, right].every((s) => !isForm(s) || this.#isWord(s.form))) {
      for (const s of [left, right]) {
        if (isForm(s)) this.#lanes(s.form, place)
        else f.get(this.value(s.load, place))
      }
      f.v(test.test === 'lt' ? 'i32x4.lt_u' : 'i32x4.eq')
      return
    }
    // loaded before the lanes are taken apart
    for (const s of [left, right]) if (!isForm(s) && this.laneStep(s.load.at) !== 0) this.value(s.load, place)
    this.#eachLane((lane) => {
      this.#wideSide(left, place, lane)
      this.#wideSide(right, place, lane)
      f.op(test.test === 'lt' ? 'i64.lt_s' : 'i64.eq')
    })
  }

  #isWord(form: Form): boolean {
    const [least, most] = formRange(form, this.extents)
    return least >= 0 && most < 2 ** 31
  }

  // stores -------------------------------------------------------------------------------------------------------

  /** Stores four lanes (or the first one) as the output's dtype at a place; of four lanes, those from `first` on. */
  store(load: Load, value: Local, place: Place, first = 0): void {
    const { f } = this
    const { dtype } = load
    const { bytes } = DTYPES[dtype]
    f.get(value)
    if (dtype === 'f32') canonical(f, this.fma)
    else if (dtype === 'bf16') narrowBf16(f)
    else if (dtype === 'f16') narrowF16(f)
    const words = f.keep(V128)
    const at = this.address(load)
    const offset = this.#offset(load.at, place)
    const step = this.laneStep(load.at)
    if (step === bytes && first === 0) {
      f.get(at).get(words)
      if (bytes === 4) f.memory('v128.store', offset)
      else if (bytes === 2) f.get(words).v('i16x8.narrow_i32x4_u').laneMemory('v128.store64_lane', 0, offset)
      else {
        f.splat(255).v('v128.and').get(words).v('i16x8.narrow_i32x4_u')
        f.get(words).v('i8x16.narrow_i16x8_u').laneMemory('v128.store32_lane', 0, offset)
      }
      return
    }
    const lanes = this.tile.lane === undefined ? 1 : 4
    for (let lane = first; lane < lanes; lane++)
      f.get(at)
        .get(words)
        .laneMemory(STORE_LANE[bytes], LANE_OF[bytes] * lane, offset + lane * step)
  }
}

const LANE = { 1: 'v128.load8_lane', 2: 'v128.load16_lane', 4: 'v128.load32_lane' } as const
const STORE_LANE = { 1: 'v128.store8_lane', 2: 'v128.store16_lane', 4: 'v128.store32_lane' } as const
/** How many lanes of this many bytes one 32-bit lane has. */
const LANE_OF = { 1: 4, 2: 2, 4: 1 } as const
