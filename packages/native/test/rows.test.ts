import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyInstruction, canonicalF32, Random, scalarCases } from '@lockstep/tensor'
import { native, skip } from './built.ts'

type Shape = { readonly depth: number; readonly rows: number; readonly columns: number }
const MOST_ROWS = 64

/** A product of few rows in a memory, what it is called with, and the memory as it must be afterwards. */
const fewRows = ({ depth, rows, columns }: Shape, seed: number) => {
  const gap = 4 * (1 + (seed % 5)) // what lies between rows and operands is nobody's
  const bStep = 4 * columns + gap
  const outStep = 4 * columns + 2 * gap
  const a = gap
  const b = a + 4 * depth * rows + gap
  const out = b + depth * bStep + gap
  const end = out + (rows - 1) * outStep + 4 * columns
  const words = new Uint32Array((end + 64) / 4)
  const random = new Random(seed)
  const edges = scalarCases('fma', seed, 64).flatMap((c) => [c.a, c.b, c.c])
  // An edge or two in every sum; with more of them all would be NaN.
  const rare = Math.max(6, depth)
  for (let i = 0; i < words.length; i++)
    words[i] =
      random.between(0, rare) === 0 ? random.pick(edges) : random.atExponent(random.between(117, 130))
  const expected = words.map(canonicalF32)
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      const at = (out + r * outStep) / 4 + c
      for (let k = 0; k < depth; k++)
        expected[at] = applyInstruction(
          'fma',
          words[a / 4 + k * rows + r]!,
          words[(b + k * bStep) / 4 + c]!,
          expected[at]!,
        )
    }
  const memory = new Uint8Array(words.buffer)
  return { ...{ a, b, bStep, depth, rows, columns, out, outStep, memory }, expected, end }
}
type Product = ReturnType<typeof fewRows>

const run = (kernel: number, p: Product): void => {
  const { a, b, bStep, depth, rows, columns, out, outStep } = p
  native!.multiplyRows(kernel, p.memory, a, b, bStep, depth, rows, columns, out, outStep)
}

/** The first word that is not as it must be; any NaN stands for the NaN. */
const differenceAt = ({ memory, expected }: Product): number =>
  new Uint32Array(memory.buffer, memory.byteOffset, memory.length / 4).findIndex(
    (word, i) => canonicalF32(word) !== expected[i],
  )

test('every instruction set present multiplies few rows to the reference bits, and touches nothing else', {
  skip,
}, () => {
  const cases = process.env.LOCKSTEP_NIGHTLY ? 3000 : 150
  for (const { kernel, set } of native!.products) {
    const random = new Random(2)
    for (let seed = 1; seed <= cases; seed++) {
      const shape = {
        depth: seed % 10 === 0 ? random.between(100, 257) : random.between(1, 30),
        rows: random.pick([1, 2, 3, 5, 8, 16, 31, MOST_ROWS]),
        columns: random.between(1, 80),
      }
      const product = fewRows(shape, seed)
      run(kernel, product)
      assert.equal(differenceAt(product), -1, `${set}, seed ${seed}: ${JSON.stringify(shape)}`)
    }
  }
})

test('whatever it is given, it answers with an error and touches nothing past the memory', { skip }, () => {
  const { kernel } = native!.products[0]!
  const good = fewRows({ depth: 11, rows: 5, columns: 21 }, 1)
  const refused = (change: Partial<Record<keyof Product, unknown>>, error: RegExp): void =>
    assert.throws(() => run(kernel, { ...good, ...change } as Product), error, JSON.stringify(change))
  const { length } = good.memory
  for (const name of ['a', 'b', 'out'] as const)
    for (const at of [length, length - 4, 2 ** 32 - 4, -4])
      refused({ [name]: at }, /reach past the end of the memory of \d+ bytes/)
  for (const name of ['bStep', 'outStep'] as const)
    for (const step of [length, 2 ** 31, -4]) refused({ [name]: step }, /past the end/)
  for (const name of ['depth', 'columns'] as const)
    for (const size of [2 ** 32 - 1, 2 ** 31, 10000]) refused({ [name]: size }, /past the end/)
  for (const name of ['depth', 'rows', 'columns'] as const) {
    refused({ [name]: 0 }, /must be at least 1/)
    refused({ [name]: undefined }, /must be numbers/)
  }
  for (const rows of [MOST_ROWS + 1, 2 ** 31, -1]) refused({ rows }, /at most 64 are few/)
  for (const name of ['a', 'b', 'bStep', 'out', 'outStep'] as const)
    refused({ [name]: good[name] + 2 }, /multiples of 4/)
  for (const memory of [undefined, 7, {}, new Float32Array(9)])
    refused({ memory }, /memory must be a Uint8Array/)
  assert.throws(() => run(99, good), /is not one that this machine has/)
  // Up to the last byte is allowed, and not one further.
  refused({ memory: good.memory.subarray(0, good.end - 1) }, /past the end/)
  run(kernel, { ...good, memory: good.memory.subarray(0, good.end) })
  assert.equal(differenceAt(good), -1)
})

test('random arguments never end the process', { skip }, () => {
  const random = new Random(8)
  const memory = new Uint8Array(4096)
  const words = [0, 1, 4, 8, 60, 256, 1024, 4092, 4096, 2 ** 31, 2 ** 32 - 4, -1]
  const word = (): number => random.pick([...words, random.bits(), random.between(0, 64) * 4])
  for (let i = 0; i < 20_000; i++)
    for (const { kernel } of native!.products)
      try {
        native!.multiplyRows(kernel, memory, word(), word(), word(), word(), word(), word(), word(), word())
      } catch (error) {
        assert.ok(error instanceof RangeError)
      }
})
