import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '@lockstep/tensor'
import { nativeUrl } from '../src/index.ts'
import { native, skip } from './built.ts'
import { ADD, differenceOf, LAST, panelProduct, RESUME } from './panels.ts'

const multiply = (kernel: number, p: ReturnType<typeof panelProduct>): void =>
  native!.multiply(
    kernel,
    ...([
      p.memory,
      p.a,
      p.aStep,
      p.b,
      p.bStep,
      p.depth,
      p.rows,
      p.columns,
      p.out,
      p.outStep,
      p.init,
    ] as const),
    p.flags,
  )

test('every instruction set present multiplies panels to the reference bits, edges and remainders included', {
  skip,
}, () => {
  const cases = process.env.LOCKSTEP_NIGHTLY ? 3000 : 150
  assert.ok(native!.products.length > 0)
  for (const { kernel, set, rows: height, columns: width } of native!.products) {
    const random = new Random(1)
    for (let seed = 1; seed <= cases; seed++) {
      const shape = {
        height,
        width,
        depth: seed % 10 === 0 ? random.between(100, 257) : random.between(1, 20),
        rows: random.between(1, 3 * height),
        columns: random.between(1, 3 * width),
        init: random.pick([0x80000000, 0, 0x3f800000, 0x7f800000, 0x7fc00000, 0x00000001]),
        flags: random.pick([0, ADD, RESUME]) | random.pick([0, LAST]),
      }
      const product = panelProduct(shape, seed)
      multiply(kernel, product)
      assert.equal(differenceOf(product), undefined, `${set}, seed ${seed}: ${JSON.stringify(shape)}`)
    }
  }
})

test('every remainder of rows and columns is right', { skip }, () => {
  for (const { kernel, set, rows: height, columns: width } of native!.products)
    for (let rows = 1; rows <= height + 1; rows++)
      for (let columns = 1; columns <= width + 1; columns++) {
        const shape = { height, width, depth: 2, rows, columns, init: 0x80000000, flags: ADD | LAST }
        const product = panelProduct(shape, rows * 64 + columns)
        multiply(kernel, product)
        assert.equal(differenceOf(product), undefined, `${set}: ${rows} x ${columns}`)
      }
})

test('a kernel acts on memory that threads share', { skip }, () => {
  const { kernel, rows: height, columns: width } = native!.products[0]!
  const memory = new Uint8Array(new SharedArrayBuffer(65536))
  const shape = { height, width, depth: 9, rows: 11, columns: 35, init: 0x80000000, flags: LAST }
  const product = panelProduct(shape, 5, memory)
  multiply(kernel, product)
  assert.equal(differenceOf(product), undefined)
})

test('the accelerator takes the set that its URL names, and says what is missing', { skip }, async () => {
  for (const { set, rows, columns } of native!.products) {
    const { microkernel, attach } = await import(nativeUrl(set))
    assert.deepEqual(microkernel, { rows, columns })
    const shape = { height: rows, width: columns, depth: 3, rows: 5, columns: 9, init: 0, flags: LAST }
    const memory = { buffer: new ArrayBuffer(16384) }
    const p = panelProduct(shape, 3, new Uint8Array(memory.buffer))
    const last = [p.depth, p.rows, p.columns, p.out, p.outStep, p.init, p.flags]
    attach(memory).multiply(p.a, p.aStep, p.b, p.bStep, ...last)
    assert.equal(differenceOf(p), undefined)
  }
  const { microkernel } = await import(nativeUrl())
  assert.equal(microkernel.columns, native!.products[0]!.columns)
  await assert.rejects(
    import(`${nativeUrl()}?set=vax`),
    /no kernel vax on this machine; present: [a-z0-9, ]+/,
  )
})

test('whatever it is given, a kernel answers with an error and touches nothing past the memory', {
  skip,
}, () => {
  const { kernel, rows: height, columns: width } = native!.products[0]!
  const shape = { height, width, depth: 3, rows: height + 1, columns: width + 1, init: 0, flags: 0 }
  const good = panelProduct(shape, 1)
  type Name = keyof typeof good
  const refused = (change: Partial<Record<Name, unknown>>, error: RegExp): void => {
    const product = { ...good, ...change } as typeof good
    assert.throws(() => multiply(kernel, product), error, JSON.stringify(change))
  }
  const length = good.memory.length
  for (const name of ['a', 'b', 'out'] as const)
    for (const at of [length, length - 4, 2 ** 32 - 4, -4, 4 * 2 ** 28])
      refused({ [name]: at }, /reach past the end of the memory of \d+ bytes/)
  for (const name of ['aStep', 'bStep', 'outStep'] as const)
    for (const step of [length, 2 ** 31, -4]) refused({ [name]: step }, /past the end/)
  for (const name of ['depth', 'rows', 'columns'] as const) {
    for (const size of [2 ** 32 - 1, 2 ** 31, 10000]) refused({ [name]: size }, /past the end/)
    refused({ [name]: 0 }, /must be at least 1/)
    refused({ [name]: undefined }, /must be numbers/)
  }
  for (const name of ['a', 'aStep', 'b', 'bStep', 'out', 'outStep'] as const)
    refused({ [name]: good[name] + 2 }, /multiples of 4/)
  for (const flags of [5, 7, 8, -1]) refused({ flags }, /flags are \d+; allowed/)
  for (const memory of [undefined, 7, {}, [], new Float32Array(9), new ArrayBuffer(9)])
    refused({ memory }, /memory must be a Uint8Array/)
  refused({ memory: new Uint8Array(0) }, /past the end of the memory of 0 bytes/)
  const gone = new Uint8Array(65536)
  structuredClone(gone, { transfer: [gone.buffer] })
  refused({ memory: gone }, /past the end of the memory of 0 bytes/)
  refused({ memory: new Uint8Array(new ArrayBuffer(65537), 1) }, /multiples of 4/)
  for (const number of [-1, 99, 1.5e9, 'avx2', undefined, {}])
    assert.throws(() => multiply(number as number, good), /is not one that this machine has/)
  assert.throws(() => (native!.multiply as (...args: unknown[]) => void)(), /13 arguments are needed, not 0/)
  // Nothing of all that changed anything: the good call still gives what it must.
  multiply(kernel, good)
  assert.equal(differenceOf(good), undefined)
  // Up to the last byte is allowed, and not one further.
  const tight = {
    ...good,
    memory: good.memory.subarray(0, good.out + (good.rows - 1) * good.outStep + 4 * good.columns),
  }
  multiply(kernel, tight)
  refused({ memory: tight.memory.subarray(0, tight.memory.length - 1) }, /past the end/)
})

test('random arguments never end the process', { skip }, () => {
  const random = new Random(7)
  const memory = new Uint8Array(4096)
  const word = (): number =>
    random.pick([
      0,
      1,
      4,
      8,
      256,
      1024,
      4092,
      4096,
      2 ** 31,
      2 ** 32 - 4,
      -1,
      random.bits(),
      random.between(0, 64) * 4,
    ])
  for (let i = 0; i < 20_000; i++)
    for (const { kernel } of native!.products) {
      const words = Array.from({ length: 10 }, word) as [
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
      ]
      try {
        native!.multiply(kernel, memory, ...words, random.between(0, 8))
      } catch (error) {
        assert.ok(error instanceof RangeError)
      }
    }
})
