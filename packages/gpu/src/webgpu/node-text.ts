import {
  type Affine,
  addressOf,
  BLOCK,
  type Bound,
  DTYPES,
  type Dtype,
  type FoldNode,
  type Guard,
  isWordCoord,
  type MapNode,
  outerRank,
  type Read,
  size,
  type WordRead,
} from '@lockstep/tensor'
import { isNarrow, type Kernel } from '../kernel/index.ts'
import { type Arithmetic, arithmeticText } from './arithmetic.ts'
import { Calls, scalarText } from './scalar-text.ts'
import { type Scatter, scatterOf } from './scatter.ts'
import { APART, DEPTH, groupsOf, isLarge, SIDE, TILE, type Tile, tileOf } from './tile.ts'

/** Invocations of a workgroup. */
export const GROUP = 64

/** A module, and how many invocations it wants. */
export type Printed = { readonly code: string; readonly items: number }

/**
 * A kernel as WGSL modules that run one after another. Memory is one array of words; `places` has the word offsets of the
 * output and of every slot, and a zero at its end that only the run knows.
 */
export const nodeText = (kernel: Kernel, arithmetic: Arithmetic): readonly Printed[] => {
  const scatter = scatterOf(kernel.node)
  if (scatter) {
    const printer = new NodePrinter(kernel, arithmetic)
    const walk = moduleText(printer, printer.scattered(scatter), scatter.items)
    return [...nodeText({ ...kernel, node: scatter.start }, arithmetic), walk]
  }
  const printer = new NodePrinter(kernel, arithmetic)
  const tile = tileOf(kernel.node)
  if (tile && isLarge(tile)) return [groupText(printer, printer.together(tile), groupsOf(tile))]
  return [
    tile
      ? moduleText(printer, printer.tiled(tile), tile.items)
      : moduleText(printer, printer.body(), kernel.items),
  ]
}

const moduleText = (printer: NodePrinter, body: string, items: number): Printed => {
  const code = `${HEAD}
${arithmeticText(printer.calls.names)}
${WIDE_FORMS}
${printer.functions.join('\n')}
@compute @workgroup_size(${GROUP})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let item = (group.y * groups.x + group.x) * ${GROUP}u + local;
  if (item >= ${items}u) { return; }
${body}
}
`
  return { code, items }
}

/** A module whose workgroups compute together: their own memory and their barriers are in the body. */
const groupText = (printer: NodePrinter, body: string, groups: number): Printed => {
  const code = `${HEAD}
${printer.shared.join('\n')}
${arithmeticText(printer.calls.names)}
${printer.functions.join('\n')}
@compute @workgroup_size(${GROUP})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let item = group.y * groups.x + group.x;
  if (item >= ${groups}u) { return; }
${body}
}
`
  return { code, items: groups * GROUP }
}

/** Words of `places`: offsets first, the zero last. */
export const PLACES = 64
export const HEAD = `@group(0) @binding(0) var<storage, read_write> memory: array<u32>;
@group(0) @binding(1) var<uniform> places: array<vec4<u32>, ${PLACES / 4}>;`

/** Signed 64-bit numbers for what 32 bits cannot compare: low word, high word. */
const WIDE_FORMS = `
fn wide_add(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let low = a.x + b.x;
  return vec2<u32>(low, a.y + b.y + u32(low < a.x));
}
fn wide_times(by: u32, negative: bool, c: u32) -> vec2<u32> {
  let b0 = by & 0xffffu; let b1 = by >> 16u;
  let c0 = c & 0xffffu; let c1 = c >> 16u;
  let low = b0 * c0;
  let cross = b0 * c1;
  let other = b1 * c0;
  let middle = (low >> 16u) + (cross & 0xffffu) + (other & 0xffffu);
  let p = vec2<u32>((low & 0xffffu) | (middle << 16u), b1 * c1 + (cross >> 16u) + (other >> 16u) + (middle >> 16u));
  let n = vec2<u32>(0u - p.x, ~p.y + u32(p.x == 0u));
  return select(p, n, negative);
}
fn wide_less(a: vec2<u32>, b: vec2<u32>) -> bool {
  return bitcast<i32>(a.y) < bitcast<i32>(b.y) || (a.y == b.y && a.x < b.x);
}`

const word = (n: number): string => `0x${(n >>> 0).toString(16)}u`
export const place = (slot: number): string => `places[${slot >> 2}].${'xyzw'[slot & 3]}`

class NodePrinter {
  readonly calls: Calls
  readonly functions: string[] = []
  /** Declarations of a workgroup's own memory. */
  readonly shared: string[] = []
  readonly #kernel: Kernel
  readonly #node: MapNode | FoldNode
  readonly #space: readonly number[]
  /** Whether a multiply-add is the device's own. */
  readonly #native: boolean
  #names = 0

  constructor(kernel: Kernel, arithmetic: Arithmetic) {
    this.#kernel = kernel
    this.#node = kernel.node
    this.#space =
      kernel.node.kind === 'map' || kernel.node.order.kind === 'scan'
        ? kernel.node.shape
        : [...kernel.node.shape, ...kernel.node.box]
    this.calls = new Calls(arithmetic)
    this.#native = arithmetic.fma === 'native'
  }

  body(): string {
    const node = this.#node
    if (node.kind === 'fold' && node.order.kind === 'scan') return this.#scan(node)
    this.functions.push(this.#element())
    const { each } = this.#kernel
    const out = place(0)
    if (each === 1) return `memory[${out} + item] = element(item);`
    const bits = 32 / each
    return `var packed = 0u;
for (var j = 0u; j < ${each}u; j++) {
  let at = item * ${each}u + j;
  if (at < ${size(node.shape)}u) { packed |= element(at) << (j * ${bits}u); }
}
memory[${out} + item] = packed;`
  }

  /** The walk of a scatter: every place has its init. */
  scattered({ node, dimension, word: read, base, guards }: Scatter): string {
    const { shape, box } = node
    const others = shape.map((e, d) => (d === dimension ? 1 : e))
    const lines = this.#coordinates('item', others, 0).filter(
      (line) => !line.startsWith(`let c${dimension} `),
    )
    box.forEach((_, i) => {
      lines.push(`var c${shape.length + i} = 0u;`)
    })
    lines.push(`for (var k = 0u; k < ${size(box)}u; k++) {`)
    const w = this.#word(read, lines)
    const extent = shape[dimension]!
    const c = `c${dimension}`
    lines.push(
      `let ${c} = ${w} - ${word(base)};`,
      `if (${base >= 0 ? `${w} >= ${word(base)}` : `${w} < ${extent}u`} && ${c} < ${extent}u) {`,
    )
    const holds = guards.map((g) => this.#guard(g, lines))
    if (holds.length > 0) lines.push(`if (${holds.join(' && ')}) {`)
    const position = shape.reduce((text, e, d) => (d === 0 ? 'c0' : `(${text} * ${e}u + c${d})`), '0u')
    lines.push(`let target_at = ${place(0)} + ${position};`, 'let acc = memory[target_at];')
    const args = node.reads.map((r) => this.#read(r, lines))
    const scalar = scalarText(node.step, ['acc', ...args], (at) => `c${at}`, this.calls, 's')
    lines.push(...scalar.lines, `memory[target_at] = ${scalar.result};`, '}')
    if (holds.length > 0) lines.push('}')
    lines.push(...this.#advance(box, shape.length), '}')
    return lines.join('\n')
  }

  /** A tile of a product. Native sums stay numbers inside a block; all else is on patterns. */
  tiled({ node, rows, columns, factors }: Tile): string {
    const { shape, box } = node
    if (node.order.kind !== 'blocked') throw new Error('a tile is of a blocked fold')
    const points = size(box)
    const blocks = Math.ceil(points / BLOCK)
    const init = word(node.order.init)
    const native = this.#native
    const lines: string[] = []
    const inTiles = shape.map((e, d) => (d === rows || d === columns ? Math.ceil(e / TILE) : e))
    lines.push(
      ...this.#coordinates('item', inTiles, 0).map((line) =>
        line.replace(/^let c(\d+) = (.*);$/, (whole, d: string, text: string) =>
          Number(d) === rows || Number(d) === columns ? `let from${d} = (${text}) * ${TILE}u;` : whole,
        ),
      ),
    )
    const sides = [rows, columns] as const
    factors.forEach(({ outer }, f) => {
      const d = sides[f]!
      lines.push(
        `var at${f}: array<u32, ${TILE}>;`,
        `for (var i = 0u; i < ${TILE}u; i++) {`,
        `let c${d} = min(from${d} + i, ${shape[d]! - 1}u);`,
        `at${f}[i] = ${formText(outer)};`,
        '}',
      )
    })
    const number = native ? 'f32' : 'u32'
    const zero = native ? `bitcast<f32>(${init} ^ places[15].w)` : init
    const cells = TILE * TILE
    lines.push(`var acc: array<${number}, ${cells}>;`)
    if (blocks > 1) {
      this.functions.push(this.#combine(node.order.combine))
      lines.push(
        `var sum: array<u32, ${cells}>;`,
        `for (var x = 0u; x < ${cells}u; x++) { sum[x] = ${init}; }`,
      )
    }
    box.forEach((_, i) => {
      lines.push(`var c${shape.length + i} = 0u;`)
    })
    const finished = native ? `${this.calls.use('pattern')}(acc[x])` : 'acc[x]'
    lines.push(
      `for (var block = 0u; block < ${blocks}u; block++) {`,
      `for (var x = 0u; x < ${cells}u; x++) { acc[x] = ${zero}; }`,
      `let end = min(${BLOCK}u, ${points}u - block * ${BLOCK}u);`,
      'for (var k = 0u; k < end; k++) {',
    )
    factors.forEach(({ inner }, f) => {
      lines.push(`let k${f} = ${formText(inner)};`)
    })
    const [a, b] = factors.map(({ read }, f) => {
      const taken: string[] = []
      const value = this.#load(read.ref.index, read.dtype, `(at${f}[${'ij'[f]}] + k${f})`, taken)
      return { taken, value: native ? `bitcast<f32>(${value})` : value }
    }) as [{ taken: string[]; value: string }, { taken: string[]; value: string }]
    const fma = native ? 'fma' : this.calls.floating('fma')
    lines.push(
      `var left: array<${number}, ${TILE}>;`,
      `for (var i = 0u; i < ${TILE}u; i++) {`,
      ...a.taken,
      `left[i] = ${a.value};`,
      '}',
      `for (var j = 0u; j < ${TILE}u; j++) {`,
      ...b.taken,
      `let right = ${b.value};`,
      `for (var i = 0u; i < ${TILE}u; i++) {`,
      `acc[i * ${TILE}u + j] = ${fma}(left[i], right, acc[i * ${TILE}u + j]);`,
      '}',
      '}',
      ...this.#advance(box, shape.length),
      '}',
    )
    if (blocks > 1)
      lines.push(`for (var x = 0u; x < ${cells}u; x++) { sum[x] = combine(sum[x], ${finished}); }`)
    lines.push('}')
    const position = shape.reduce((text, e, d) => (d === 0 ? 'c0' : `(${text} * ${e}u + c${d})`), '0u')
    lines.push(
      `for (var x = 0u; x < ${cells}u; x++) {`,
      `let c${rows} = from${rows} + x / ${TILE}u;`,
      `let c${columns} = from${columns} + x % ${TILE}u;`,
      `if (c${rows} < ${shape[rows]}u && c${columns} < ${shape[columns]}u) {`,
      `memory[${place(0)} + ${position}] = ${blocks > 1 ? 'sum[x]' : finished};`,
      '}',
      '}',
    )
    return lines.join('\n')
  }

  /**
   * A product whose tiles a workgroup computes together: it brings the factors of a few steps into its own memory, and
   * every item adds them to its own sums, k ascending. Steps that are not there are not made.
   */
  together({ node, rows, columns, factors }: Tile): string {
    const { shape, box } = node
    if (node.order.kind !== 'blocked') throw new Error('a tile is of a blocked fold')
    const points = size(box)
    const blocks = Math.ceil(points / BLOCK)
    const init = word(node.order.init)
    const native = this.#native
    const sides = [rows, columns] as const
    const inTiles = shape.map((e, d) => (d === rows || d === columns ? Math.ceil(e / SIDE) : e))
    const lines = this.#coordinates('item', inTiles, 0).map((line) =>
      line.replace(/^let c(\d+) = (.*);$/, (whole, d: string, text: string) =>
        Number(d) === rows || Number(d) === columns ? `let from${d} = (${text}) * ${SIDE}u;` : whole,
      ),
    )
    const across = SIDE / TILE
    lines.push(`let row = local / ${across}u * ${TILE}u;`, `let column = local % ${across}u * ${TILE}u;`)
    const number = native ? 'f32' : 'u32'
    const cells = TILE * TILE
    lines.push(`var acc: array<${number}, ${cells}>;`)
    if (blocks > 1) {
      this.functions.push(this.#combine(node.order.combine))
      lines.push(
        `var sum: array<u32, ${cells}>;`,
        `for (var x = 0u; x < ${cells}u; x++) { sum[x] = ${init}; }`,
      )
    }
    lines.push(
      `for (var block = 0u; block < ${blocks}u; block++) {`,
      `for (var x = 0u; x < ${cells}u; x++) { acc[x] = ${native ? `bitcast<f32>(${init} ^ places[15].w)` : init}; }`,
      `let end = min(${BLOCK}u, ${points}u - block * ${BLOCK}u);`,
      `for (var at = 0u; at < end; at += ${DEPTH}u) {`,
    )
    factors.forEach(({ read, outer, inner }, f) => {
      const d = sides[f]!
      this.shared.push(`var<workgroup> near${f}: array<u32, ${DEPTH * APART}>;`)
      // Neighbouring items read what lies together.
      const lastOfBox = shape.length + box.length - 1
      const alongK = inner.terms.some(({ at, by }) => at === lastOfBox && by === 1)
      const taken: string[] = []
      const value = this.#load(read.ref.index, read.dtype, `(${formText(outer)} + ${formText(inner)})`, taken)
      lines.push(
        `for (var x = local; x < ${DEPTH * SIDE}u; x += ${GROUP}u) {`,
        alongK ? `let step = x % ${DEPTH}u;` : `let step = x / ${SIDE}u;`,
        alongK ? `let i = x / ${DEPTH}u;` : `let i = x % ${SIDE}u;`,
        `let c${d} = min(from${d} + i, ${shape[d]! - 1}u);`,
        `let k = min(block * ${BLOCK}u + at + step, ${points - 1}u);`,
        ...this.#coordinates('k', box, shape.length),
        ...taken,
        `near${f}[step * ${APART}u + i] = ${value};`,
        '}',
      )
    })
    const taken = (text: string): string => (native ? `bitcast<f32>(${text})` : text)
    const fma = native ? 'fma' : this.calls.floating('fma')
    lines.push(
      'workgroupBarrier();',
      `let steps = min(${DEPTH}u, end - at);`,
      'for (var step = 0u; step < steps; step++) {',
      `var left: array<${number}, ${TILE}>;`,
      `for (var i = 0u; i < ${TILE}u; i++) { left[i] = ${taken(`near0[step * ${APART}u + row + i]`)}; }`,
      `for (var j = 0u; j < ${TILE}u; j++) {`,
      `let right = ${taken(`near1[step * ${APART}u + column + j]`)};`,
      `for (var i = 0u; i < ${TILE}u; i++) {`,
      `acc[i * ${TILE}u + j] = ${fma}(left[i], right, acc[i * ${TILE}u + j]);`,
      '}',
      '}',
      '}',
      'workgroupBarrier();',
      '}',
    )
    const finished = native ? `${this.calls.use('pattern')}(acc[x])` : 'acc[x]'
    if (blocks > 1)
      lines.push(`for (var x = 0u; x < ${cells}u; x++) { sum[x] = combine(sum[x], ${finished}); }`)
    lines.push('}')
    const position = shape.reduce((text, e, d) => (d === 0 ? 'c0' : `(${text} * ${e}u + c${d})`), '0u')
    lines.push(
      `for (var x = 0u; x < ${cells}u; x++) {`,
      `let c${rows} = from${rows} + row + x / ${TILE}u;`,
      `let c${columns} = from${columns} + column + x % ${TILE}u;`,
      `if (c${rows} < ${shape[rows]}u && c${columns} < ${shape[columns]}u) {`,
      `memory[${place(0)} + ${position}] = ${blocks > 1 ? 'sum[x]' : finished};`,
      '}',
      '}',
    )
    return lines.join('\n')
  }

  /** The function that gives an element's stored bits. */
  #element(): string {
    const node = this.#node
    const lines = this.#coordinates('position', node.shape, 0)
    const result = node.kind === 'map' ? this.#map(node, lines) : this.#fold(node, lines)
    return `fn element(position: u32) -> u32 {\n${lines.join('\n')}\nreturn ${this.#stored(node.dtype, result)};\n}`
  }

  #map(node: MapNode, lines: string[]): string {
    const args = node.reads.map((read) => this.#read(read, lines))
    const { lines: code, result } = scalarText(node.program, args, (at) => `c${at}`, this.calls, 'v')
    lines.push(...code)
    return result
  }

  #stored(dtype: Dtype, result: string): string {
    switch (dtype) {
      case 'f32':
      case 'u32':
        return result
      case 'bf16':
        return `${this.calls.use('to_bf16')}(${result})`
      case 'f16':
        return `${this.calls.use('to_f16')}(${result})`
      case 'u8':
        return `(${result} & 0xffu)`
    }
  }

  /** Coordinates of a row-major position, as c<first> and on. */
  #coordinates(position: string, shape: readonly number[], first: number): string[] {
    const lines: string[] = []
    let rest = position
    for (let d = shape.length - 1; d >= 0; d--) {
      const name = `c${first + d}`
      if (d === 0) lines.push(`let ${name} = ${rest};`)
      else {
        lines.push(`let ${name} = ${rest} % ${shape[d]}u;`, `let q${first + d} = ${rest} / ${shape[d]}u;`)
        rest = `q${first + d}`
      }
    }
    return lines
  }

  #fold(node: FoldNode, lines: string[]): string {
    const points = size(node.box)
    const init = this.#init(node, lines)
    const { order } = node
    const outer = node.shape.length
    lines.push(`var acc = ${init};`)
    if (points === 0) return 'acc'
    node.box.forEach((_, i) => {
      lines.push(`var c${outer + i} = 0u;`)
    })
    if (order.kind !== 'blocked' || points <= BLOCK) {
      lines.push(`for (var k = 0u; k < ${points}u; k++) {`)
      this.#step(node, outer, lines)
      lines.push('}')
      return 'acc'
    }
    this.functions.push(this.#combine(order.combine))
    // a level's results are combined as soon as they are there
    const levels: number[] = []
    for (let n = points; n > 1; ) {
      n = Math.ceil(n / BLOCK)
      levels.push(n)
    }
    levels.slice(1).forEach((_, i) => {
      lines.push(`var acc${i + 1} = ${init};`)
    })
    lines.push(
      `for (var block = 0u; block < ${levels[0]}u; block++) {`,
      `acc = ${init};`,
      `let end = min(${BLOCK}u, ${points}u - block * ${BLOCK}u);`,
      'for (var k = 0u; k < end; k++) {',
    )
    this.#step(node, outer, lines)
    lines.push('}', 'acc1 = combine(acc1, acc);')
    for (let level = 2; level < levels.length; level++) {
      const run = BLOCK ** (level - 1)
      lines.push(
        `if (block % ${run}u == ${run - 1}u || block == ${levels[0]! - 1}u) {`,
        `acc${level} = combine(acc${level}, acc${level - 1});`,
        `acc${level - 1} = ${init};`,
        '}',
      )
    }
    lines.push('}')
    return `acc${levels.length - 1}`
  }

  #scan(node: FoldNode): string {
    const outer = outerRank(node)
    const points = size(node.box)
    const lines = this.#coordinates('item', node.shape.slice(0, outer), 0)
    lines.push(`var acc = ${this.#init(node, lines)};`)
    node.box.forEach((_, i) => {
      lines.push(`var c${outer + i} = 0u;`)
    })
    lines.push(`for (var k = 0u; k < ${points}u; k++) {`)
    this.#step(node, outer, lines, [`memory[${place(0)} + item * ${points}u + k] = acc;`])
    lines.push('}')
    return lines.join('\n')
  }

  #combine(program: FoldNode['step']): string {
    const { lines, result } = scalarText(program, ['x', 'y'], () => '0u', this.calls, 'm')
    return `fn combine(x: u32, y: u32) -> u32 {\n${lines.join('\n')}\nreturn ${result};\n}`
  }

  #init(node: FoldNode, lines: string[]): string {
    const { init } = node.order
    return typeof init === 'number' ? word(init) : this.#read(init, lines)
  }

  /** One step at the box coordinates that stand, then the next coordinates. */
  #step(node: FoldNode, outer: number, lines: string[], after: readonly string[] = []): void {
    const inner: string[] = []
    const guards = node.guards.map((g) => this.#guard(g, inner))
    const code: string[] = []
    const args = node.reads.map((read) => this.#read(read, code))
    const scalar = scalarText(node.step, ['acc', ...args], (at) => `c${at}`, this.calls, 's')
    code.push(...scalar.lines, `acc = ${scalar.result};`)
    if (guards.length > 0) inner.push(`if (${guards.join(' && ')}) {`, ...code, '}')
    else inner.push('{', ...code, '}')
    lines.push(...inner, ...after, ...this.#advance(node.box, outer))
  }

  /** The box coordinates of the next point, the last one fastest. */
  #advance(box: readonly number[], outer: number): string[] {
    const lines: string[] = []
    const carry = (d: number): void => {
      const name = `c${outer + d}`
      lines.push(`${name}++;`)
      if (d === 0) return
      lines.push(`if (${name} == ${box[d]}u) {`, `${name} = 0u;`)
      carry(d - 1)
      lines.push('}')
    }
    if (box.length > 0) carry(box.length - 1)
    return lines
  }

  #guard({ test, left, right }: Guard, lines: string[]): string {
    const a = this.#bound(left, lines)
    const b = this.#bound(right, lines)
    if (a.kind === 'wide' || b.kind === 'wide' || a.kind !== b.kind) {
      const [x, y] = [widened(a), widened(b)]
      return test === 'lt' ? `wide_less(${x}, ${y})` : `all(${x} == ${y})`
    }
    const op = test === 'lt' ? '<' : '=='
    return a.kind === 'word'
      ? `(${a.text} ${op} ${b.text})`
      : `(bitcast<i32>(${a.text}) ${op} bitcast<i32>(${b.text}))`
  }

  #bound(bound: Bound, lines: string[]): Side {
    if ('word' in bound) return { kind: 'word', text: this.#word(bound.word, lines) }
    if (isNarrow(bound, this.#space)) return { kind: 'signed', text: this.#name(formText(bound), lines) }
    return { kind: 'wide', text: this.#name(wideText(bound), lines) }
  }

  #name(text: string, lines: string[]): string {
    const name = `t${this.#names++}`
    lines.push(`let ${name} = ${text};`)
    return name
  }

  #word(read: WordRead, lines: string[]): string {
    const address = addressOf({ ...read, coords: read.coords })!
    return this.#load(read.ref.index, read.dtype, formText(address), lines)
  }

  /** A read's register word; an expression that may be used more than once. */
  #read(read: Read, lines: string[]): string {
    const slot = read.ref.index
    const direct = read.pad === undefined ? addressOf(read) : undefined
    if (direct) return this.#load(slot, read.dtype, formText(direct), lines)
    const inside: string[] = []
    let position = ''
    read.view.forEach((extent, d) => {
      const coord = read.coords[d]!
      let at: string
      if (isWordCoord(coord)) at = this.#name(`min(${this.#word(coord.word, lines)}, ${extent - 1}u)`, lines)
      else {
        at = this.#name(formText(coord), lines)
        if (read.pad !== undefined) {
          if (isNarrow(coord, this.#space)) inside.push(`${at} < ${extent}u`)
          else {
            const wide = this.#name(wideText(coord), lines)
            inside.push(`(${wide}.y == 0u && ${wide}.x < ${extent}u)`)
          }
        }
      }
      position = position === '' ? at : `(${position} * ${extent}u + ${at})`
    })
    if (position === '') position = '0u'
    if (inside.length === 0) return this.#load(slot, read.dtype, position, lines)
    const name = `t${this.#names++}`
    const taken: string[] = []
    const value = this.#load(slot, read.dtype, position, taken)
    lines.push(
      `var ${name} = ${word(read.pad!)};`,
      `if (${inside.join(' && ')}) {`,
      ...taken,
      `${name} = ${value};`,
      '}',
    )
    return name
  }

  #load(slot: number, dtype: Dtype, position: string, lines: string[]): string {
    const base = place(1 + slot)
    const { bytes } = DTYPES[dtype]
    if (bytes === 4) return this.#name(`memory[${base} + ${position}]`, lines)
    const at = this.#name(position, lines)
    const shift = bytes === 2 ? 1 : 2
    const bits = `((memory[${base} + (${at} >> ${shift}u)] >> ((${at} & ${shift === 1 ? 1 : 3}u) * ${8 * bytes}u)) & ${bytes === 2 ? '0xffffu' : '0xffu'})`
    if (dtype === 'u8') return this.#name(bits, lines)
    return this.#name(`${this.calls.use(dtype === 'bf16' ? 'from_bf16' : 'from_f16')}(${bits})`, lines)
  }
}

/** One side of a guard: an unsigned word, a signed form in 32 bits, or 64 bits. */
type Side = { readonly kind: 'word' | 'signed' | 'wide'; readonly text: string }

const widened = ({ kind, text }: Side): string => {
  if (kind === 'wide') return text
  return kind === 'word'
    ? `vec2<u32>(${text}, 0u)`
    : `vec2<u32>(${text}, bitcast<u32>(bitcast<i32>(${text}) >> 31u))`
}

/** A form modulo 2^32. */
export const formText = ({ base, terms }: Affine): string => {
  const parts = terms.map(({ at, by }) => (by === 1 ? `c${at}` : `c${at} * ${word(by)}`))
  if (base !== 0 || parts.length === 0) parts.unshift(word(base))
  return parts.length === 1 ? parts[0]! : `(${parts.join(' + ')})`
}

/** A form exactly, in 64 bits. */
const wideText = ({ base, terms }: Affine): string =>
  terms.reduce(
    (sum, { at, by }) => `wide_add(${sum}, wide_times(${word(Math.abs(by))}, ${by < 0}, c${at}))`,
    `vec2<u32>(${word(base)}, ${base < 0 ? '0xffffffffu' : '0u'})`,
  )
