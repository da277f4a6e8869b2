import { findNative, type NativeModule, type ProductKernel } from './load.ts'

/**
 * The addon as an accelerator of the WebAssembly executor: each of its threads imports this module by `nativeUrl` and
 * attaches it to a program's memory. The instruction set is the fastest present, or the one that the URL names. Fails
 * with one line where the addon or the set is missing: ask `findNative` first.
 */
const chosen = (): { kernel: ProductKernel } & Pick<
  NativeModule,
  'multiply' | 'multiplyRows' | 'largePages'
> => {
  const found = findNative()
  if ('why' in found) throw new Error(found.why)
  const { products, multiply, multiplyRows, largePages } = found.native
  const wanted = new URL(import.meta.url).searchParams.get('set')
  const kernel = wanted === null ? products[0] : products.find((k) => k.set === wanted)
  if (!kernel) {
    const present = products.map((k) => k.set).join(', ') || 'none'
    throw new Error(`the native addon has no kernel ${wanted ?? ''} on this machine; present: ${present}`)
  }
  return { kernel, multiply, multiplyRows, largePages }
}
/** a, b, bStep, depth, rows, columns, out, outStep */
type RowsWords = [number, number, number, number, number, number, number, number]
/** a, aStep, b, bStep, depth, rows, columns, out, outStep, init, flags */
type Words = [number, number, number, number, number, number, number, number, number, number, number]

const { kernel, multiply: run, multiplyRows: runRows, largePages } = chosen()

export const microkernel: { readonly rows: number; readonly columns: number } = {
  rows: kernel.rows,
  columns: kernel.columns,
}

/** Products of so many rows are taken where their columns lie. */
export const fewRows = 32

/**
 * The border's functions on the bytes of a memory, as they are now: a memory that grows must be attached again. One that
 * nobody has written to yet gets large pages where the system has them.
 */
export const attach = (memory: {
  readonly buffer: ArrayBuffer | SharedArrayBuffer
}): {
  readonly multiply: (...words: Words) => void
  readonly multiplyRows: (...words: RowsWords) => void
} => {
  const bytes = new Uint8Array(memory.buffer)
  largePages(bytes)
  const number = kernel.kernel
  return {
    multiply: (a, aStep, b, bStep, depth, rows, columns, out, outStep, init, flags) =>
      run(number, bytes, a, aStep, b, bStep, depth, rows, columns, out, outStep, init, flags),
    multiplyRows: (a, b, bStep, depth, rows, columns, out, outStep) =>
      runRows(number, bytes, a, b, bStep, depth, rows, columns, out, outStep),
  }
}
