import {
  applyInstruction,
  type Dtype,
  FaultError,
  type FoldNode,
  f32Bits,
  INSTRUCTIONS,
  type Instruction,
  type Node,
  OPCODES,
  type Program,
  planProgram,
  Random,
  type Register,
  referenceExecutor,
  registerOf,
  runScalarConformance,
  type ScalarExecutor,
  scalarCases,
  type Tensor,
  type TestedOpcode,
} from '@lockstep/tensor'
import { type Arithmetic, FLOATING, type Floating, INTEGERS, type Way } from './arithmetic.ts'
import type { Device } from './device.ts'
import { hardSums } from './hard-sums.ts'
import { Stepper } from './stepper.ts'

/** What a device has proved about itself when an executor was made. */
export type Proof = {
  readonly arithmetic: Arithmetic
  /** Cases that were compared with the reference. */
  readonly cases: number
  /** For every operation, the first case that a faster way got wrong. */
  readonly refused: readonly { readonly op: Floating; readonly way: Way; readonly why: string }[]
}

/** Cases of one operation: edges, hard roundings and plain random patterns. */
const CASES = 3000
const SEED = 20_261
const WAYS: readonly Way[] = ['native', 'guarded', 'integer']
const FMA_WAYS: readonly Way[] = ['native', 'fused', 'guarded', 'integer']
/** The processor as a GPU computes both sides of a branch, so that a guard in front of integers saves nothing. */
const SOFTWARE_WAYS: readonly Way[] = ['native', 'integer']
/** Cases of every function and random scalar program where something is native. */
const TOGETHER = 64
/** Cases of operations with each constant. */
const CONSTANT_CASES = 512

/**
 * Finds the fastest way of every operation whose results are the reference's, bit for bit, and then holds what was chosen
 * to chains of operations that a compiler could contract or reorder, and to a blocked fold. With `wanted` only these ways
 * are tried. A device that is wrong even in integers is refused with the failing case.
 */
export const proveDevice = async (device: Device, wanted?: Arithmetic): Promise<Proof> => {
  let cases = 0
  const refused: { op: Floating; way: Way; why: string }[] = []
  const run = async (subject: Subject, arithmetic: Arithmetic): Promise<string | undefined> => {
    cases += subject.count
    return wrongCase(device, subject, arithmetic)
  }
  const others = OPCODES.filter((op): op is TestedOpcode => op !== 'index' && !isFloating(op))
  for (const [i, why] of (await Promise.all(others.map((op) => run(instruction(op), INTEGERS)))).entries())
    if (why !== undefined) throw unfit(device, others[i]!, why)

  const chosen: Record<Floating, Way> = { ...INTEGERS }
  await Promise.all(
    FLOATING.map(async (op) => {
      const own = device.software ? SOFTWARE_WAYS : op === 'fma' ? FMA_WAYS : WAYS
      const ways = wanted ? [wanted[op]] : own
      for (const way of ways) {
        const why = await run(instruction(op), { ...INTEGERS, [op]: way })
        if (why === undefined) {
          chosen[op] = way
          return
        }
        refused.push({ op, way, why })
      }
      throw unfit(device, `${op} by ${ways.at(-1)} arithmetic`, refused.findLast((r) => r.op === op)!.why)
    }),
  )
  const together = async (arithmetic: Arithmetic): Promise<string | undefined> => {
    const own = isInteger(arithmetic) ? [] : constants()
    for (const subject of [...chains(), blockedFold(), product(9, 10), product(33, 32), ...own]) {
      const why = await run(subject, arithmetic)
      if (why !== undefined) return `${subject.name}: ${why}`
    }
    if (FLOATING.every((op) => arithmetic[op] !== 'native')) return undefined
    const found = await runScalarConformance(scalars(device, arithmetic), { seed: SEED, cases: TOGETHER })
    cases += found.cases
    const [wrong] = found.mismatches
    return (
      wrong &&
      `${wrong.program}: of ${wrong.args.map(hex).join(', ')} gives ${hex(wrong.got)}, not ${hex(wrong.expected)}`
    )
  }
  const why = await together(chosen)
  if (why === undefined) return { arithmetic: chosen, cases, refused }
  // operations that are right alone and wrong together: something was moved between them
  const again = wanted || isInteger(chosen) ? why : await together(INTEGERS)
  if (again !== undefined) throw unfit(device, 'operations together', again)
  for (const op of FLOATING)
    if (chosen[op] !== 'integer') refused.push({ op, way: chosen[op], why: `right alone, but ${why}` })
  return { arithmetic: INTEGERS, cases, refused }
}

const isFloating = (op: string): op is Floating => (FLOATING as readonly string[]).includes(op)
const isInteger = (a: Arithmetic): boolean => FLOATING.every((op) => a[op] === 'integer')

const unfit = (device: Device, what: string, why: string): FaultError =>
  new FaultError({
    code: 'device-unfit',
    field: `${device.name}, ${what}`,
    value: why,
    limit: "the reference's bits",
    remedy: 'Use createWasmExecutor, or another device or driver.',
  })

/** A program with what it runs on; its first output is compared. */
type Subject = {
  readonly name: string
  readonly program: Program
  readonly inputs: readonly Tensor[]
  readonly count: number
  /** Which operands element i has, for the words of a failure. */
  readonly operands: (i: number) => readonly number[]
  readonly expected: Uint32Array | undefined
}

const hex = (n: number | undefined): string => `0x${(n ?? 0).toString(16).padStart(8, '0')}`

/** The first element that differs from the reference. */
const wrongCase = async (
  device: Device,
  subject: Subject,
  arithmetic: Arithmetic,
): Promise<string | undefined> => {
  const { program, inputs } = subject
  let expected = subject.expected
  if (!expected) {
    const reference = await referenceExecutor.compile(program, inputs)
    reference.load([])
    await reference.step()
    expected = wordsOf(reference.outputs()[0]!)
  }
  const stepper = await Stepper.make(planProgram(program, { group: false }), device, arithmetic)
  try {
    stepper.give(inputs)
    await stepper.step(1)
    const { outputs } = await stepper.results([program.nodes.at(-1)!])
    const got = wordsOf(outputs[0]!)
    const at = expected.findIndex((word, i) => got[i] !== word)
    if (at < 0) return undefined
    return `of ${subject.operands(at).map(hex).join(', ')} gives ${hex(got[at])}, not ${hex(expected[at])}`
  } finally {
    stepper.close()
  }
}

/** Scalar programs on the device by this arithmetic. */
const scalars = (device: Device, arithmetic: Arithmetic): ScalarExecutor => ({
  name: device.name,
  run: async (program, batch, count) => {
    const { args: registers } = program
    const inputs = registers.map(
      (r, k): Tensor => ({
        ...{ dtype: DTYPE[r], shape: [count] },
        data: new Uint8Array(
          Uint32Array.from({ length: count }, (_, i) => batch[i * registers.length + k]!).buffer,
        ),
      }),
    )
    const node: Node = {
      ...{ kind: 'map', dtype: DTYPE[registerOf(program, program.result)], shape: [count], program },
      reads: registers.map((r, index) => ({
        ...{ ref: { from: 'input', index }, dtype: DTYPE[r] },
        ...{ view: [count], coords: EVERY },
      })),
    }
    const stepper = await Stepper.make(planProgram(alone(node, inputs), { group: false }), device, arithmetic)
    try {
      stepper.give(inputs)
      await stepper.step(1)
      return wordsOf((await stepper.results([node])).outputs[0]!)
    } finally {
      stepper.close()
    }
  },
})

const wordsOf = ({ data }: Tensor): Uint32Array => new Uint32Array(data.slice().buffer)

const DTYPE: { readonly [R in Register]: Dtype } = { f: 'f32', u: 'u32' }
const EVERY = [{ base: 0, terms: [{ at: 0, by: 1 }] }]

const overColumns = (
  name: string,
  registers: readonly Register[],
  columns: readonly Uint32Array<ArrayBuffer>[],
  result: Register,
  code: readonly Instruction[],
  expected?: Uint32Array,
): Subject => {
  const count = columns[0]?.length ?? 1
  const inputs = registers.map(
    (r, k): Tensor => ({
      ...{ dtype: DTYPE[r], shape: [count] },
      data: new Uint8Array(columns[k]!.buffer),
    }),
  )
  const node: Node = {
    ...{ kind: 'map', dtype: DTYPE[result], shape: [count] },
    reads: registers.map((r, index) => ({
      ...{ ref: { from: 'input', index }, dtype: DTYPE[r] },
      ...{ view: [count], coords: EVERY },
    })),
    program: { args: registers, code, result: registers.length + code.length - 1 },
  }
  return {
    ...{ name, program: alone(node, inputs), inputs, count, expected },
    operands: (i) => columns.map((c) => c[i]!),
  }
}

const alone = (node: Node, inputs: readonly Tensor[]): Program => ({
  state: [],
  inputs: inputs.map(({ dtype, shape }, i) => ({ name: `x${i}`, dtype, shape })),
  nodes: [node],
  next: [],
  outputs: [{ name: 'y', ref: { from: 'node', index: 0 } }],
})

/** One instruction over its cases; the words that select chooses between are integers here. */
const instruction = (op: TestedOpcode): Subject => {
  const { takes, gives } = INSTRUCTIONS[op]
  const of = (r: string): Register => (r === 'f' ? 'f' : 'u')
  const cases = scalarCases(op, SEED, op === 'const_f' || op === 'const_u' ? 1 : CASES)
  if (op === 'fma') cases.push(...hardSums(SEED, CASES))
  if (op === 'const_f' || op === 'const_u') {
    const { a } = cases[0]!
    const code: Instruction[] = [{ op, immediate: a }]
    return overColumns(op, [], [], of(gives), code, Uint32Array.of(applyInstruction(op, a)))
  }
  const registers = [...takes].map(of)
  const columns = registers.map((_, k) => Uint32Array.from(cases, (c) => [c.a, c.b, c.c][k]!))
  const code: Instruction[] = [{ op, args: registers.map((_, i) => i) }]
  const expected = Uint32Array.from(cases, ({ a, b, c }) => applyInstruction(op, a, b, c))
  return overColumns(op, registers, columns, of(gives), code, expected)
}

/** Operations in a row that a compiler could contract into one, reorder, or cancel. */
const chains = (): Subject[] => {
  const r = new Random(SEED)
  const near = (): number => r.atExponent(r.between(100, 150))
  const column = (): Uint32Array<ArrayBuffer> =>
    Uint32Array.from({ length: CASES }, (_, i) => (i % 4 === 0 ? r.float() : near()))
  const columns = [column(), column(), column()]
  const chain = (name: string, ...code: Instruction[]): Subject =>
    overColumns(name, ['f', 'f', 'f'], columns, 'f', code)
  return [
    chain('contraction of a product and a sum', { op: 'fmul', args: [0, 1] }, { op: 'fadd', args: [3, 2] }),
    chain(
      'contraction of a product and a difference',
      { op: 'fmul', args: [0, 1] },
      { op: 'fsub', args: [2, 3] },
    ),
    chain(
      'reassociation of sums',
      { op: 'fadd', args: [0, 1] },
      { op: 'fsub', args: [3, 0] },
      { op: 'fadd', args: [4, 2] },
      { op: 'fsub', args: [5, 1] },
    ),
    chain(
      'reassociation of products',
      { op: 'fmul', args: [0, 1] },
      { op: 'fdiv', args: [3, 1] },
      { op: 'fmul', args: [4, 2] },
      { op: 'fdiv', args: [5, 0] },
    ),
    chain(
      'roots that are squared again',
      { op: 'fabs', args: [0] },
      { op: 'fsqrt', args: [3] },
      { op: 'fma', args: [4, 4, 1] },
      { op: 'fsub', args: [5, 0] },
    ),
  ]
}

/**
 * Operations with a constant that a kernel's text shows: a compiler may divide by it by multiplying, drop what it takes
 * for nothing, or compute with it itself.
 */
const constants = (): Subject[] => {
  const r = new Random(SEED + 3)
  const column = Uint32Array.from({ length: CONSTANT_CASES }, () => r.float())
  const numbers = [0x80000000, 0x3f800000, 0x40400000, 0x3dcccccd]
  return numbers.map((immediate) =>
    overColumns(`operations with the constant ${hex(immediate)}`, ['f'], [column], 'u', [
      { op: 'const_f', immediate },
      ...(['fdiv', 'fmul', 'fadd', 'fsub'] as const).flatMap((op): Instruction[] => [
        { op, args: [0, 1] },
        { op, args: [1, 0] },
      ]),
      { op: 'fsqrt', args: [1] },
      { op: 'fma', args: [0, 1, 0] },
      { op: 'fma', args: [0, 0, 1] },
      ...MIXED,
    ]),
  )
}
/** Mixes the values 2 to 12 into one word, so that none of them can be wrong and stay hidden. */
const MIXED: readonly Instruction[] = [
  { op: 'const_u', immediate: 0x01000193 },
  ...Array.from({ length: 11 }, (_, i): Instruction[] => [
    { op: 'bits', args: [2 + i] },
    { op: 'xor', args: [i === 0 ? 13 : 13 + 3 * i, 14 + 3 * i] },
    { op: 'umul', args: [15 + 3 * i, 13] },
  ]).flat(),
]

/** A product of matrices with every kind of number in a few rows: what a tile computes, or a workgroup's tiles together. */
const product = (rows: number, columns: number): Subject => {
  const r = new Random(SEED + 2)
  const points = 300
  const column = (length: number): Uint32Array<ArrayBuffer> =>
    Uint32Array.from({ length }, (_, i) => {
      if (i < 3 * points) return i % 7 === 0 ? r.float() : r.atExponent(r.between(20, 110))
      return r.atExponent(r.between(100, 150))
    })
  const columnsOf = [column(rows * points), column(points * columns)]
  const shapes = [
    [rows, points],
    [points, columns],
  ]
  const inputs = columnsOf.map(
    (c, i): Tensor => ({
      ...{ dtype: 'f32', shape: shapes[i]! },
      data: new Uint8Array(c.buffer),
    }),
  )
  const at = (d: number) => ({ base: 0, terms: [{ at: d, by: 1 }] })
  const node: FoldNode = {
    ...{ kind: 'fold', dtype: 'f32', shape: [rows, columns], box: [points], guards: [] },
    reads: [
      { ref: { from: 'input', index: 0 }, dtype: 'f32', view: shapes[0]!, coords: [at(0), at(2)] },
      { ref: { from: 'input', index: 1 }, dtype: 'f32', view: shapes[1]!, coords: [at(2), at(1)] },
    ],
    step: { args: ['f', 'f', 'f'], code: [{ op: 'fma', args: [1, 2, 0] }], result: 3 },
    order: {
      ...{ kind: 'blocked', init: 0x80000000 },
      combine: { args: ['f', 'f'], code: [{ op: 'fadd', args: [0, 1] }], result: 2 },
    },
  }
  return {
    ...{
      name: `a product of ${rows} rows and ${columns} columns`,
      program: alone(node, inputs),
      inputs,
      count: rows * columns,
    },
    ...{ operands: (i) => [Math.floor(i / columns), i % columns], expected: undefined },
  }
}

/** Rows of 300 and more products summed in blocks: order, blocks and their combination. */
const blockedFold = (): Subject => {
  const r = new Random(SEED + 1)
  const [rows, points] = [64, 600]
  const column = (): Uint32Array<ArrayBuffer> =>
    Uint32Array.from({ length: rows * points }, () =>
      f32Bits(r.sign() * r.between(1, 1 << 20) * 2 ** r.between(-30, 4)),
    )
  const columns = [column(), column()]
  const inputs = columns.map(
    (c): Tensor => ({
      ...{ dtype: 'f32', shape: [rows, points] },
      data: new Uint8Array(c.buffer),
    }),
  )
  const node: FoldNode = {
    ...{ kind: 'fold', dtype: 'f32', shape: [rows], box: [points], guards: [] },
    reads: inputs.map((_, index) => ({
      ...{ ref: { from: 'input', index }, dtype: 'f32', view: [rows, points] },
      coords: [0, 1].map((at) => ({ base: 0, terms: [{ at, by: 1 }] })),
    })),
    step: { args: ['f', 'f', 'f'], code: [{ op: 'fma', args: [1, 2, 0] }], result: 3 },
    order: {
      ...{ kind: 'blocked', init: 0x80000000 },
      combine: { args: ['f', 'f'], code: [{ op: 'fadd', args: [0, 1] }], result: 2 },
    },
  }
  return {
    ...{ name: 'a blocked sum of products', program: alone(node, inputs), inputs, count: rows },
    ...{ operands: (i) => [i], expected: undefined },
  }
}
