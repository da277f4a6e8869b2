import { DTYPES, type Register } from '../dtype.ts'
import { rangeOf } from '../front/affine.ts'
import { type Affine, isWordCoord, type Node, type Read, type WordRead } from '../node.ts'
import type { Program } from '../program.ts'
import type { ScalarProgram } from '../scalar/scalar-program.ts'
import { size } from '../shape.ts'
import { checkScalar, iterationSpace } from '../validate.ts'
import { initOf, typeOf, wordsOf } from './refs.ts'

/**
 * What must hold of a program between passes; anything else is a bug of the pass before. It is what validation demands,
 * without the limits that make a node cheap to dispute: code is never disputed. A tensor's shape only counts by its
 * size, because a pass may cut a node's dimensions otherwise.
 */
export const checkProgram = (program: Program, after: string): Program => {
  const wrong = (field: string, what: string): never => {
    throw new Error(`the compiler's pass '${after}' is wrong: ${field} ${what}`)
  }
  const checkRef = (ref: Read['ref'], before: number, field: string): void => {
    const list = ref.from === 'node' ? before : program[ref.from === 'state' ? 'state' : 'inputs'].length
    if (!(ref.index >= 0 && ref.index < list)) wrong(field, `reads ${ref.from} ${ref.index} of ${list}`)
  }
  const checkSource = (read: Read | WordRead, before: number, field: string): void => {
    checkRef(read.ref, before, field)
    const source = typeOf(program, read.ref)
    if (source.dtype !== read.dtype) wrong(field, `reads ${source.dtype} as ${read.dtype}`)
    if (size(source.shape) !== size(read.view)) wrong(field, `views ${source.shape} as ${read.view}`)
    if (read.view.length !== read.coords.length)
      wrong(field, `has ${read.coords.length} coordinates for ${read.view}`)
  }
  const checkForm = (form: Affine, space: readonly number[], field: string): void => {
    for (const t of form.terms)
      if (!(t.at >= 0 && t.at < space.length)) wrong(field, `has coordinate ${t.at} of ${space.length}`)
  }
  const checkInside = (form: Affine, space: readonly number[], extent: number, field: string): void => {
    checkForm(form, space, field)
    if (space.includes(0)) return // never read
    const [low, high] = rangeOf(form, space)
    if (low < 0 || high >= extent) wrong(field, `reaches from ${low} to ${high} in ${extent}`)
  }
  const checkRead = (read: Read, space: readonly number[], before: number, field: string): void => {
    checkSource(read, before, field)
    read.coords.forEach((c, d) => {
      if (isWordCoord(c)) return
      if (read.pad === undefined) checkInside(c, space, read.view[d]!, field)
      else checkForm(c, space, field)
    })
    if (read.coords.filter(isWordCoord).length > 1) wrong(field, 'has two words')
  }

  program.nodes.forEach((node, i) => {
    const field = `node ${i}`
    const space = iterationSpace(node)
    for (const read of node.reads) checkRead(read, space, i, field)
    const init = initOf(node)
    if (init) checkRead(init, node.shape, i, field)
    for (const word of wordsOf(node)) {
      checkSource(word, i, field)
      word.coords.forEach((c, d) => {
        checkInside(c, space, word.view[d]!, field)
      })
    }
    if (node.kind === 'fold')
      for (const g of node.guards)
        for (const s of [g.left, g.right]) if (!isWordCoord(s)) checkForm(s, space, field)
    const result = checkedScalar(node, space.length, field)
    if (result !== DTYPES[node.dtype].register) wrong(field, `gives ${result} for ${node.dtype}`)
  })
  program.next.forEach((ref, i) => {
    checkRef(ref, program.nodes.length, `next ${i}`)
    const [type, state] = [typeOf(program, ref), program.state[i]!]
    if (type.dtype !== state.dtype || size(type.shape) !== size(state.shape))
      wrong(`next ${i}`, `is ${type.dtype} [${type.shape}] for ${state.dtype} [${state.shape}]`)
  })
  for (const { ref, name } of program.outputs) checkRef(ref, program.nodes.length, `output ${name}`)
  return program
}

/** Passes leave most scalar programs as they are; what has been found of one holds of the very same one. */
const FOUND = new WeakMap<ScalarProgram, { args: string; coordinates: number; result: Register }>()

const checkedScalar = (node: Node, coordinates: number, field: string): Register => {
  const scalar = programOf(node)
  const registers = registersOf(node)
  const args = registers.join('')
  const found = FOUND.get(scalar)
  if (found?.args === args && found.coordinates === coordinates) return found.result
  const result = checkScalar(scalar, registers, coordinates, field)
  FOUND.set(scalar, { args, coordinates, result })
  return result
}

/** Whether two programs promise the same: states, inputs, and outputs of the same types. */
export const checkSamePromise = (before: Program, now: Program, after: string): void => {
  const outputs = (p: Program): string =>
    JSON.stringify(p.outputs.map(({ name, ref }) => [name, typeOf(p, ref).dtype, size(typeOf(p, ref).shape)]))
  if (
    before.state !== now.state ||
    before.inputs !== now.inputs ||
    before.next.length !== now.next.length ||
    outputs(before) !== outputs(now)
  )
    throw new Error(`the compiler's pass '${after}' is wrong: it changes what the program promises`)
}

export const programOf = (node: Node): ScalarProgram => (node.kind === 'map' ? node.program : node.step)

/** The registers of a node's scalar program's arguments. */
export const registersOf = (node: Node): Register[] => [
  ...(node.kind === 'map' ? [] : [DTYPES[node.dtype].register]),
  ...node.reads.map((r) => DTYPES[r.dtype].register),
]
