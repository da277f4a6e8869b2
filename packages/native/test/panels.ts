import { applyInstruction, canonicalF32, Random, scalarCases } from '@lockstep/tensor'

/** Flags of the border: packages/tensor/src/wasm/contraction/microkernel.ts. */
export const ADD = 1
export const LAST = 2
export const RESUME = 4

/** Panels in a memory, and what multiplying them must give: what a kernel is compared with. */
export type PanelProduct = {
  readonly a: number
  readonly aStep: number
  readonly b: number
  readonly bStep: number
  readonly depth: number
  readonly rows: number
  readonly columns: number
  readonly out: number
  readonly outStep: number
  readonly init: number
  readonly flags: number
  readonly memory: Uint8Array
  /** The memory as it must be afterwards: what lies beside the results is as it was. */
  readonly expected: Uint8Array
}

export type PanelShape = {
  readonly height: number
  readonly width: number
  readonly depth: number
  readonly rows: number
  readonly columns: number
  readonly init: number
  readonly flags: number
}

const isNan = (word: number): boolean => (word & 0x7fffffff) > 0x7f800000
/** Any NaN stands for the NaN where a pattern cannot be seen yet. */
const sameWord = (a: number, b: number): boolean => a === b || (isNan(a) && isNan(b))

/**
 * A product of panels whose words are numbers of all magnitudes and the edges between them: subnormals, infinities,
 * NaN, zeroes of both signs. Expected results come from the reference's instructions, one by one.
 */
export const panelProduct = (shape: PanelShape, seed: number, memory?: Uint8Array): PanelProduct => {
  const { height, width, depth, rows, columns, init, flags } = shape
  const gap = 4 * (1 + (seed % 5)) // what lies between panels, rows and operands is nobody's
  const aStep = 4 * height * depth + gap
  const bStep = 4 * width * depth + gap
  const outStep = 4 * columns + gap
  const a = gap
  const b = a + Math.ceil(rows / height) * aStep + gap
  const out = b + Math.ceil(columns / width) * bStep + gap
  const bytes = out + rows * outStep + 64
  const words = new Uint32Array(bytes / 4)
  const random = new Random(seed)
  const edges = scalarCases('fma', seed, 64).flatMap((c) => [c.a, c.b, c.c])
  // An edge or two in every sum; with more of them all would be NaN.
  const rare = Math.max(6, depth)
  for (let i = 0; i < words.length; i++)
    words[i] =
      random.between(0, rare) === 0 ? random.pick(edges) : random.atExponent(random.between(117, 130))
  const expected = words.slice()
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const at = (out + row * outStep) / 4 + column
      const before = canonicalF32(words[at]!)
      let acc = flags & RESUME ? before : canonicalF32(init)
      const x = (a + Math.floor(row / height) * aStep) / 4 + (row % height)
      const y = (b + Math.floor(column / width) * bStep) / 4 + (column % width)
      for (let k = 0; k < depth; k++)
        acc = applyInstruction('fma', words[x + k * height]!, words[y + k * width]!, acc)
      expected[at] = flags & ADD ? applyInstruction('fadd', before, acc) : acc
    }
  const target = memory ?? new Uint8Array(bytes)
  target.set(new Uint8Array(words.buffer))
  return {
    ...{ a, aStep, b, bStep, depth, rows, columns, out, outStep, init, flags },
    memory: target,
    expected: new Uint8Array(expected.buffer),
  }
}

/** The first word of the memory that is not as it must be, in words; undefined where all are. */
export const differenceOf = (product: PanelProduct): string | undefined => {
  const got = new Uint32Array(product.memory.slice(0, product.expected.length).buffer)
  const expected = new Uint32Array(product.expected.buffer)
  const at = got.findIndex((word, i) =>
    product.flags & LAST ? word !== expected[i] : !sameWord(word, expected[i]!),
  )
  if (at < 0) return undefined
  const hex = (word: number): string => word.toString(16).padStart(8, '0')
  return `word ${at} is ${hex(got[at]!)}, not ${hex(expected[at]!)}`
}
