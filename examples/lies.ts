import {
  type Affine,
  DTYPES,
  type Instruction,
  isWordCoord,
  type Node,
  type Program,
  type Read,
  type ScalarProgram,
  size,
  unravel,
  validateProgram,
} from '@lockstep/tensor'

/**
 * Lies that a faulty or dishonest machine may tell: each turns one node of a program into another that looks like it.
 * A lie's machine runs the changed program for one step and the true one for all others; see faulty-executor.ts.
 */
export type LieKind = keyof typeof LIES

export type Lie = {
  readonly kind: LieKind
  /** The step that it is told in, counted from 0, and the node. */
  readonly step: number
  readonly node: number
  /** What happened, in a few words. */
  readonly place: string
  /** The program with the changed node. */
  readonly program: Program
}

/** A number from 0 to below `limit`, out of a seeded sequence. */
export type Draw = (limit: number) => number

type Change = { readonly node: Node; readonly place: string }
/** A node with a fault, or undefined where this kind of fault cannot happen to it. */
type Fault = (node: Node, draw: Draw) => Change | undefined

/** One bit of one element is wrong when it is stored: a cosmic ray, a cell of memory gone bad. */
const bitOfResult: Fault = (node, draw) => {
  if (node.kind !== 'map') return undefined
  const element = draw(size(node.shape))
  const bit = draw(8 * DTYPES[node.dtype].bytes)
  const at: number[] = []
  unravel(element, node.shape, at)
  return {
    node: { ...node, program: flipped(node, node.program, at, bit) },
    place: `element ${element}, bit ${bit}`,
  }
}

/** One bit of an accumulator is wrong after one term of one sum, and the sum goes on from there. */
const bitOfAccumulator: Fault = (node, draw) => {
  const points = node.kind === 'fold' ? size(node.box) : 0
  if (node.kind !== 'fold' || node.order.kind === 'scan' || points === 0) return undefined
  const element = draw(size(node.shape))
  const k = draw(points)
  const bit = draw(32)
  const at: number[] = []
  unravel(element, node.shape, at)
  unravel(k, node.box, at, node.shape.length)
  return {
    node: { ...node, step: flipped(node, node.step, at, bit) },
    place: `element ${element}, accumulator after term ${k}, bit ${bit}`,
  }
}

/** The neighbour of every element is read instead of the element. */
const neighbour: Fault = (node, draw) => {
  const coords = node.reads.flatMap(({ coords }, r) =>
    coords.flatMap((c, d) => (isWordCoord(c) ? [] : [{ r, d, c }])),
  )
  const chosen = coords.length > 0 ? coords[draw(coords.length)] : undefined
  if (!chosen) return undefined
  const { r, d, c } = chosen
  // Where a coordinate takes all of its extent, the shifted one is out of bounds; reading it backwards is not.
  const shifted = draw(2) === 0 ? { ...c, base: c.base + 1 } : mirrored(c, node.reads[r]!.view[d]!)
  return {
    node: withRead(node, r, (read) => ({ ...read, coords: read.coords.with(d, shifted) })),
    place: `read ${r}, coordinate ${d}`,
  }
}

/** A gather looks its index up in the wrong place: swapped rows, wrong data. */
const gather: Fault = (node, draw) => {
  const words = node.reads.flatMap(({ coords }, r) =>
    coords.flatMap((c, d) =>
      isWordCoord(c) ? c.word.coords.map((form, w) => ({ r, d, w, form, word: c.word })) : [],
    ),
  )
  const chosen = words.length > 0 ? words[draw(words.length)] : undefined
  if (!chosen) return undefined
  const { r, d, w, form, word } = chosen
  const wrong = { word: { ...word, coords: word.coords.with(w, mirrored(form, word.view[w]!)) } }
  return {
    node: withRead(node, r, (read) => ({ ...read, coords: read.coords.with(d, wrong) })),
    place: `read ${r}, the index of coordinate ${d}`,
  }
}

/** The last term of every sum is left out: less work for the same money. */
const lastTerm: Fault = (node) => {
  if (node.kind !== 'fold' || node.guards.length >= 4) return undefined
  const axis = node.box.findIndex((extent) => extent > 1)
  if (axis < 0) return undefined
  const first = node.order.kind === 'scan' ? node.shape.length - node.box.length : node.shape.length
  const left = { base: 0, terms: [{ at: first + axis, by: 1 }] }
  const right = { base: node.box[axis]! - 1, terms: [] }
  return {
    node: { ...node, guards: [...node.guards, { test: 'lt', left, right }] },
    place: 'the last term of every sum',
  }
}

/** Results are kept in half of the bits, as on a device that is too small for the job. */
const halfPrecision: Fault = (node) => {
  const rounded = (program: ScalarProgram): ScalarProgram => ({
    ...program,
    code: [...program.code, { op: 'bf16', args: [program.result] }],
    result: program.args.length + program.code.length,
  })
  if (node.dtype !== 'f32') return undefined
  return node.kind === 'map'
    ? { node: { ...node, program: rounded(node.program) }, place: 'every element in bf16' }
    : { node: { ...node, step: rounded(node.step) }, place: 'every accumulator in bf16' }
}

/** A constant is off by the last of its bits. */
const constant: Fault = (node, draw) => {
  const program = node.kind === 'map' ? node.program : node.step
  const places = program.code.flatMap(({ op }, i) => (op === 'const_f' ? [i] : []))
  const place = places.length > 0 ? places[draw(places.length)]! : undefined
  if (place === undefined) return undefined
  const { immediate } = program.code[place] as Extract<Instruction, { immediate: number }>
  const code = program.code.with(place, { op: 'const_f', immediate: (immediate ^ 1) >>> 0 })
  const changed = { ...program, code }
  return {
    node: node.kind === 'map' ? { ...node, program: changed } : { ...node, step: changed },
    place: `instruction ${place}`,
  }
}

/** Two operands of a subtraction or a division are swapped: a bug. */
const operands: Fault = (node, draw) => {
  const program = node.kind === 'map' ? node.program : node.step
  const places = program.code.flatMap(({ op }, i) =>
    op === 'fsub' || op === 'fdiv' || op === 'usub' ? [i] : [],
  )
  const place = places.length > 0 ? places[draw(places.length)]! : undefined
  if (place === undefined) return undefined
  const instruction = program.code[place] as Extract<Instruction, { args: readonly number[] }>
  const code = program.code.with(place, { op: instruction.op, args: instruction.args.toReversed() })
  const changed = { ...program, code }
  return {
    node: node.kind === 'map' ? { ...node, program: changed } : { ...node, step: changed },
    place: `instruction ${place}, ${instruction.op}`,
  }
}

export const LIES = {
  'bit of a result': bitOfResult,
  'bit of an accumulator': bitOfAccumulator,
  'neighbouring element': neighbour,
  'wrong gather': gather,
  'last term left out': lastTerm,
  'half precision': halfPrecision,
  'wrong constant': constant,
  'swapped operands': operands,
} as const satisfies Record<string, Fault>

/** A lie of a drawn kind in a drawn node at a drawn step. It may happen to change nothing: then draw another. */
export const drawLie = (program: Program, steps: number, draw: Draw, only?: LieKind): Lie => {
  const kinds = Object.keys(LIES) as LieKind[]
  for (;;) {
    const kind = only ?? kinds[draw(kinds.length)]!
    const node = draw(program.nodes.length)
    const change = LIES[kind](program.nodes[node]!, draw)
    if (!change) continue
    const changed = { ...program, nodes: program.nodes.with(node, change.node) }
    // A machine that breaks the rules of the program itself is caught before it runs: not a lie worth telling.
    if (!validateProgram(changed).ok) continue
    return { kind, step: draw(steps), node, place: change.place, program: changed }
  }
}

/** A scalar program whose result has one bit flipped where the indices are these. */
const flipped = (
  { dtype }: Node,
  program: ScalarProgram,
  at: readonly number[],
  bit: number,
): ScalarProgram => {
  const code: Instruction[] = [...program.code]
  const push = (instruction: Instruction): number => program.args.length + code.push(instruction) - 1
  const same = at.map((value, position) =>
    push({
      op: 'ueq',
      args: [push({ op: 'index', immediate: position }), push({ op: 'const_u', immediate: value })],
    }),
  )
  const here = same.reduce((a, b) => push({ op: 'and', args: [a, b] }), push({ op: 'const_u', immediate: 1 }))
  const mask = push({ op: 'shl', args: [here, push({ op: 'const_u', immediate: bit })] })
  const isFloat = DTYPES[dtype].register === 'f'
  const word = isFloat ? push({ op: 'bits', args: [program.result] }) : program.result
  const wrong = push({ op: 'xor', args: [word, mask] })
  return { args: program.args, code, result: isFloat ? push({ op: 'float', args: [wrong] }) : wrong }
}

const withRead = (node: Node, place: number, change: (read: Read) => Read): Node => ({
  ...node,
  reads: node.reads.with(place, change(node.reads[place]!)),
})

/** The same places in the opposite order: extent - 1 - form. */
const mirrored = ({ base, terms }: Affine, extent: number): Affine => ({
  base: extent - 1 - base,
  terms: terms.map(({ at, by }) => ({ at, by: -by })),
})
