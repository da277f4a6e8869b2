import { FaultError } from '@lockstep/tensor'
import { type Code, codeOf } from './code.ts'
import { CODE, type Instruction, MAX_IMMEDIATE, MEMORY, type Operation } from './instruction.ts'

/** A place in the code that is known when all of it has been written. */
export type Label = { place: number | undefined }
export const label = (): Label => ({ place: undefined })

/** Fields of an instruction; labels stand where a place will. */
type Line = {
  readonly op: Operation
  readonly d: number | Label
  readonly a: number
  readonly b: number | Label
  readonly immediate: boolean
}

/** What is written one after another: the main part, or one routine. */
type Part = (Line | { readonly mark: Label })[]

/**
 * Collects instructions in parts, which are put behind each other at the end; the first part begins by setting the
 * constants that an operand field cannot hold.
 */
export class Assembler {
  readonly #parts: Part[] = [[]]
  readonly #constants = new Map<number, number>() // value to address
  readonly #reserve: () => number
  #current: Part = this.#parts[0]!

  /** `reserve` gives the address of a word that nobody else uses. */
  constructor(reserve: () => number) {
    this.#reserve = reserve
  }

  emit(op: Operation, d: number | Label, a: number, b: number | Label, immediate = false): void {
    this.#current.push({ op, d, a, b, immediate })
  }

  mark(place: Label): void {
    this.#current.push({ mark: place })
  }

  /** What `write` emits stands in a part of its own. */
  part(write: () => void): void {
    const outer = this.#current
    this.#current = []
    this.#parts.push(this.#current)
    write()
    this.#current = outer
  }

  /** The address of a word that holds this constant from the start. */
  constant(value: number): number {
    const word = value >>> 0
    let address = this.#constants.get(word)
    if (address === undefined) {
      address = this.#reserve()
      this.#constants.set(word, address)
    }
    return address
  }

  link(): Code {
    const constants: Part = [...this.#constants]
      .filter(([value]) => value !== 0)
      .map(([value, d]) => ({ op: 'set', d, a: value & 0xffff, b: value >>> 16, immediate: false }))
    const lines: Line[] = []
    for (const part of [constants, ...this.#parts])
      for (const line of part) {
        if ('mark' in line) line.mark.place = lines.length
        else lines.push(line)
      }
    if (lines.length > CODE)
      throw new FaultError({
        code: 'code-too-long',
        field: 'instructions',
        value: lines.length,
        limit: CODE,
        remedy: 'Make routines of what is repeated.',
      })
    return codeOf(lines.map(resolve))
  }
}

const resolve = ({ op, d, a, b, immediate }: Line): Instruction => {
  const field = (value: number | Label): number => {
    const number = typeof value === 'number' ? value : value.place
    if (number === undefined) throw new Error(`${op} goes to a label that is nowhere`)
    return number
  }
  const fields = { d: field(d), a, b: field(b) }
  if (fields.b > MAX_IMMEDIATE || (op !== 'set' && a >= MEMORY))
    throw new Error(`${op} has a field too large`)
  return { op, ...fields, immediate: immediate || typeof b === 'object' }
}
