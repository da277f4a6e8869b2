import { scalarCases } from '../scalar/cases.ts'
import { canonicalF32 } from '../scalar/pattern.ts'
import { applyInstruction } from '../scalar/reference.ts'
import { MULTIPLY_ROWS } from './contraction/few-rows.ts'
import { ADD, LAST, type Microkernel, MULTIPLY } from './contraction/microkernel.ts'
import type { ImportedFunction } from './emitter.ts'
import { engine, type WasmMemory } from './engine.ts'

/**
 * A module that multiplies packed panels outside of WebAssembly, on the program's own memory. Every thread imports it
 * by its URL and attaches it to a program's memory; it exports what this type has. `multiply` is the border that
 * contraction/microkernel.ts writes down, with the same bits as everywhere.
 */
export type Accelerator = {
  /** Of its panels: how many rows, and how many columns (a multiple of 4), lie together. */
  readonly microkernel: { readonly rows: number; readonly columns: number }
  /** The most rows of `multiplyRows`, the border of contraction/few-rows.ts; absent where it has none. */
  readonly fewRows?: number
  attach(memory: WasmMemory): { readonly multiply: Multiply; readonly multiplyRows?: MultiplyRows }
}
export type Multiply = (
  a: number,
  aStep: number,
  b: number,
  bStep: number,
  depth: number,
  rows: number,
  columns: number,
  out: number,
  outStep: number,
  init: number,
  flags: number,
) => void

export type MultiplyRows = (
  a: number,
  b: number,
  bStep: number,
  depth: number,
  rows: number,
  columns: number,
  out: number,
  outStep: number,
) => void

/** What a module imports where it has this microkernel, in order. */
export const importsOf = (microkernel: Microkernel | undefined): ImportedFunction[] => [
  ...(microkernel ? [{ name: 'multiply', params: MULTIPLY }] : []),
  ...(microkernel?.fewRows ? [{ name: 'multiplyRows', params: MULTIPLY_ROWS }] : []),
]

/** Imports a module and proves it in this thread; fails with what is wrong. */
export const loadAccelerator = async (url: string): Promise<Accelerator> => {
  const module = (await import(url)) as Partial<Accelerator>
  const { microkernel, fewRows, attach } = module
  const refuse = (what: string): never => {
    throw new Error(`the accelerator ${url} ${what}; leave the option out to run without it`)
  }
  if (!microkernel || typeof attach !== 'function') return refuse('does not export microkernel and attach')
  const { rows, columns } = microkernel
  const sound = (n: number, most: number): boolean => Number.isInteger(n) && n >= 1 && n <= most
  if (!sound(rows, 64) || !sound(columns, 256) || columns % 4 !== 0)
    return refuse(
      `has panels of ${rows} rows and ${columns} columns; allowed: 1 to 64, and multiples of 4 to 256`,
    )
  if (fewRows !== undefined && !sound(fewRows, 64))
    return refuse(`takes ${fewRows} rows where they are few; allowed: 1 to 64`)
  const accelerator = { microkernel: { rows, columns }, attach, ...(fewRows !== undefined && { fewRows }) }
  if (!agrees(accelerator) || (fewRows !== undefined && !rowsAgree(accelerator)))
    return refuse('does not give the bits of the reference on this machine')
  return accelerator
}

export const microkernelOf = ({ microkernel, fewRows }: Accelerator): Microkernel => ({
  ...microkernel,
  fewRows,
  kind: 'import',
})

/** One product of two panels by two, of edge cases and ordinary numbers, against the reference's instructions. */
const agrees = ({ microkernel, attach }: Accelerator): boolean => {
  const [h, w, depth] = [microkernel.rows, microkernel.columns, 5]
  const [rows, columns] = [h + 1, w + 3]
  const memory = new engine.Memory({ initial: 4, maximum: 4, shared: false })
  const words = new Uint32Array(memory.buffer)
  const cases = scalarCases('fma', 1, 2 * (h + w) * depth)
  const [a, b, out] = [64, 64 + 2 * h * depth, 64 + 2 * (h + w) * depth]
  for (let i = 0; i < 2 * h * depth; i++) words[a + i] = cases[i]!.a
  for (let i = 0; i < 2 * w * depth; i++) words[b + i] = cases[i]!.b
  const totals = cases.slice(0, rows).flatMap((x) => Array.from({ length: columns }, () => x.c))
  words.set(totals, out)
  const { multiply } = attach(memory)
  multiply(
    4 * a,
    4 * h * depth,
    4 * b,
    4 * w * depth,
    depth,
    rows,
    columns,
    4 * out,
    4 * columns,
    INIT,
    ADD | LAST,
  )
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) {
      let sum = INIT
      for (let k = 0; k < depth; k++) {
        const x = words[a + Math.floor(i / h) * h * depth + k * h + (i % h)]!
        const y = words[b + Math.floor(j / w) * w * depth + k * w + (j % w)]!
        sum = applyInstruction('fma', x, y, sum)
      }
      const at = i * columns + j
      if (words[out + at] !== applyInstruction('fadd', totals[at]!, sum)) return false
    }
  return true
}
const INIT = 0x80000000

/** A product of three rows by columns in place, likewise: 13 k are more than any kernel takes at once. */
const rowsAgree = ({ fewRows, attach }: Accelerator): boolean => {
  const [rows, columns, depth] = [Math.min(3, fewRows!), 37, 13]
  const memory = new engine.Memory({ initial: 1, maximum: 1, shared: false })
  const words = new Uint32Array(memory.buffer)
  const [a, b, out] = [64, 128, 1024]
  const cases = scalarCases('fma', 2, depth * columns)
  for (let i = 0; i < depth * rows; i++) words[a + i] = cases[i]!.a
  for (let i = 0; i < depth * columns; i++) words[b + i] = cases[i]!.b
  const totals = Array.from({ length: rows * columns }, (_, i) => cases[i]!.c)
  words.set(totals, out)
  attach(memory).multiplyRows!(4 * a, 4 * b, 4 * columns, depth, rows, columns, 4 * out, 4 * columns)
  return totals.every((total, i) => {
    const [r, c] = [Math.floor(i / columns), i % columns]
    let sum = total
    for (let k = 0; k < depth; k++)
      sum = applyInstruction('fma', words[a + k * rows + r]!, words[b + k * columns + c]!, sum)
    return canonicalF32(words[out + i]!) === canonicalF32(sum)
  })
}
