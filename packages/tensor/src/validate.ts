import { DTYPES, type Register } from './dtype.ts'
import { encodeNode } from './encoding/node.ts'
import { catchFault, FaultError, type Result } from './fault.ts'
import { LIMITS } from './limits.ts'
import {
  type Affine,
  type Bound,
  type FoldNode,
  isWordCoord,
  type Node,
  type Read,
  type Ref,
  type WordRead,
} from './node.ts'
import type { NamedType, Program, TensorType } from './program.ts'
import { INSTRUCTIONS } from './scalar/instruction.ts'
import { canonicalF32 } from './scalar/pattern.ts'
import type { ScalarProgram } from './scalar/scalar-program.ts'
import { sameShape, size } from './shape.ts'

/**
 * Decides whether a program is one that every executor may run and every dispute can end: the sandbox.
 * Nothing runs before this says ok. Addresses are bounded exactly, so an executor needs no bounds checks.
 */
export const validateProgram = (program: Program): Result<Program> =>
  catchFault(() => {
    const { state, inputs, nodes, next, outputs } = program
    checkTypes(state, 'state')
    checkTypes(inputs, 'inputs')
    atMost('nodes', nodes.length, LIMITS.nodes)
    atMost('outputs', outputs.length, LIMITS.tensors)
    nodes.forEach((node, i) => checkNode(program, node, i))
    exactly('next.length', next.length, state.length)
    next.forEach((ref, i) => {
      const type = typeOf(program, ref, nodes.length, `next[${i}]`)
      exactly(`next[${i}].dtype`, type.dtype, state[i]!.dtype)
      if (!sameShape(type.shape, state[i]!.shape)) {
        wrong(`next[${i}].shape`, `[${type.shape}]`, `[${state[i]!.shape}], as state.${state[i]!.name}`)
      }
    })
    checkNames(outputs, 'outputs')
    outputs.forEach(({ ref }, i) => typeOf(program, ref, nodes.length, `outputs[${i}]`))
    if (nodes.length === 0) wrong('nodes', 0, 'at least 1')
    return program
  })

/** The type of what a ref names, seen from node `before` (which may read only earlier nodes). */
const typeOf = (program: Program, ref: Ref, before: number, field: string): TensorType => {
  const list = ref.from === 'node' ? program.nodes : ref.from === 'state' ? program.state : program.inputs
  const limit = ref.from === 'node' ? before : list.length
  if (!isInteger(ref.index, 0, limit - 1))
    wrong(`${field}.ref`, `${ref.from} ${ref.index}`, `${ref.from} 0 to ${limit - 1}`)
  return list[ref.index]!
}

const checkTypes = (types: readonly NamedType[], field: string): void => {
  atMost(field, types.length, LIMITS.tensors)
  types.forEach((type, i) => checkTensorType(type, `${field}[${i}]`))
  checkNames(types, field)
}

const checkNames = (named: readonly { name: string }[], field: string): void => {
  const seen = new Set<string>()
  named.forEach(({ name }, i) => {
    const bytes = new TextEncoder().encode(name).length
    if (bytes === 0 || bytes > LIMITS.nameBytes)
      wrong(`${field}[${i}].name`, `${bytes} bytes`, `1 to ${LIMITS.nameBytes}`)
    if (seen.has(name)) wrong(`${field}[${i}].name`, name, 'a name of its own')
    seen.add(name)
  })
}

const checkTensorType = (type: TensorType, field: string): void => {
  if (!(type.dtype in DTYPES)) wrong(`${field}.dtype`, String(type.dtype), Object.keys(DTYPES).join(', '))
  checkShape(type.shape, `${field}.shape`, LIMITS.rank, 1)
}

const checkShape = (shape: readonly number[], field: string, rank: number, least: number): void => {
  if (shape.length > rank) wrong(`${field}.length`, shape.length, `at most ${rank}`)
  shape.forEach((extent, d) => {
    if (!isInteger(extent, least, LIMITS.elements))
      wrong(`${field}[${d}]`, extent, `${least} to ${LIMITS.elements}`)
  })
  if (shape.reduce((n, d) => n * BigInt(d), 1n) > BigInt(LIMITS.elements)) {
    wrong(field, `[${shape}]`, `at most ${LIMITS.elements} elements`)
  }
}

const checkNode = (program: Program, node: Node, i: number): void => {
  const field = `nodes[${i}]`
  checkTensorType(node, field)
  atMost(`${field}.reads`, node.reads.length, LIMITS.reads)
  const space = iterationSpace(node)
  const at = { program, before: i, space, field }
  if (node.kind === 'fold') checkFold(at, node)
  node.reads.forEach((read, r) => checkRead(at, read, `${field}.reads[${r}]`))
  const args = node.reads.map((read) => DTYPES[read.dtype].register)
  const register = DTYPES[node.dtype].register
  if (node.kind === 'map') {
    exactly(
      `${field}.program.result`,
      checkScalar(node.program, args, space.length, `${field}.program`),
      register,
    )
  } else {
    exactly(
      `${field}.step.result`,
      checkScalar(node.step, [register, ...args], space.length, `${field}.step`),
      register,
    )
  }
  atMost(`${field} encoded bytes`, encodeNode(node).length, LIMITS.nodeBytes)
}

/** The extents of the coordinates that affine forms and `index` may use. */
export const iterationSpace = (node: Node): readonly number[] =>
  node.kind === 'map' || node.order.kind === 'scan' ? node.shape : [...node.shape, ...node.box]

type Place = {
  readonly program: Program
  readonly before: number
  readonly space: readonly number[]
  readonly field: string
}

const checkFold = (at: Place, node: FoldNode): void => {
  const { field } = at
  checkShape(node.box, `${field}.box`, LIMITS.boxRank, 0)
  atMost(`${field}.guards`, node.guards.length, LIMITS.guards)
  const { order } = node
  const register = DTYPES[node.dtype].register
  const outer = order.kind === 'scan' ? node.shape.length - node.box.length : node.shape.length
  if (order.kind === 'scan') {
    if (node.dtype !== 'f32' && node.dtype !== 'u32')
      wrong(`${field}.dtype`, node.dtype, 'f32 or u32 for a scan')
    if (outer < 0 || !sameShape(node.shape.slice(Math.max(outer, 0)), node.box)) {
      wrong(`${field}.shape`, `[${node.shape}]`, `a shape that ends with the box [${node.box}]`)
    }
  }
  if (typeof order.init === 'number') checkWord(order.init, `${field}.init`, register)
  else {
    const init = { ...at, space: node.shape.slice(0, outer) }
    checkRead(init, order.init, `${field}.init`)
    exactly(`${field}.init register`, DTYPES[order.init.dtype].register, register)
  }
  if (order.kind === 'blocked') {
    exactly(
      `${field}.combine.result`,
      checkScalar(order.combine, [register, register], 0, `${field}.combine`),
      register,
    )
  }
  node.guards.forEach((guard, g) => {
    checkBound(at, guard.left, `${field}.guards[${g}].left`)
    checkBound(at, guard.right, `${field}.guards[${g}].right`)
  })
}

const checkBound = (at: Place, bound: Bound, field: string): void => {
  if ('word' in bound) checkWordRead(at, bound.word, field)
  else affineRange(at, bound, field)
}

const checkRead = (at: Place, read: Read, field: string): void => {
  const source = typeOf(at.program, read.ref, at.before, field)
  exactly(`${field}.dtype`, read.dtype, source.dtype)
  checkView(read.view, source, field)
  exactly(`${field}.coords.length`, read.coords.length, read.view.length)
  let words = 0
  read.coords.forEach((coord, d) => {
    const name = `${field}.coords[${d}]`
    if (isWordCoord(coord)) {
      words++
      checkWordRead(at, coord.word, name)
    } else {
      const range = affineRange(at, coord, name)
      if (read.pad === undefined) inBounds(range, read.view[d]!, name)
    }
  })
  atMost(`${field} word coordinates`, words, 1)
  if (read.pad !== undefined) checkWord(read.pad, `${field}.pad`, DTYPES[read.dtype].register)
}

const checkWordRead = (at: Place, word: WordRead, field: string): void => {
  const source = typeOf(at.program, word.ref, at.before, field)
  exactly(`${field}.dtype`, word.dtype, source.dtype)
  if (source.dtype !== 'u32' && source.dtype !== 'u8') wrong(`${field}.dtype`, source.dtype, 'u32 or u8')
  checkView(word.view, source, field)
  exactly(`${field}.coords.length`, word.coords.length, word.view.length)
  word.coords.forEach((form, d) => {
    inBounds(affineRange(at, form, `${field}.coords[${d}]`), word.view[d]!, `${field}.coords[${d}]`)
  })
}

const checkView = (view: readonly number[], source: TensorType, field: string): void => {
  checkShape(view, `${field}.view`, LIMITS.rank, 1)
  if (size(view) !== size(source.shape)) {
    wrong(`${field}.view`, `[${view}]`, `${size(source.shape)} elements, as its source [${source.shape}]`)
  }
}

/** Least and greatest value of an affine form over the iteration space. */
const affineRange = (at: Place, form: Affine, field: string): readonly [number, number] => {
  if (!isInteger(form.base, -(2 ** 31), 2 ** 31 - 1)) wrong(`${field}.base`, form.base, 'a 32-bit integer')
  let low = form.base
  let high = form.base
  let magnitude = Math.abs(form.base)
  let last = -1
  for (const { at: index, by } of form.terms) {
    if (!isInteger(index, last + 1, at.space.length - 1)) {
      wrong(`${field}.at`, index, `ascending, below ${at.space.length} coordinates`)
    }
    if (!isInteger(by, -(2 ** 31), 2 ** 31 - 1) || by === 0)
      wrong(`${field}.by`, by, 'a 32-bit integer, not 0')
    last = index
    // An extent of 0 means that the form is never evaluated.
    const reach = by * Math.max(at.space[index]! - 1, 0)
    magnitude += Math.abs(reach)
    if (reach < 0) low += reach
    else high += reach
    atMost(`${field} magnitude`, magnitude, LIMITS.affine)
  }
  return [low, high]
}

const inBounds = ([low, high]: readonly [number, number], extent: number, field: string): void => {
  if (low < 0 || high >= extent) wrong(field, `${low} to ${high}`, `0 to ${extent - 1}, or a padded read`)
}

/** Checks a scalar program and gives the register of its result; a fault is thrown. */
export const checkScalar = (
  program: ScalarProgram,
  args: readonly Register[],
  coordinates: number,
  field: string,
): Register => {
  exactly(`${field}.args`, program.args.join(''), args.join(''))
  atMost(`${field}.values`, args.length + program.code.length, LIMITS.values)
  const registers: Register[] = [...args]
  program.code.forEach((instruction, i) => {
    const name = `${field}.code[${i}]`
    const info = INSTRUCTIONS[instruction.op]
    if (!info) wrong(`${name}.op`, String(instruction.op), 'an instruction of the table')
    if (!('args' in instruction)) {
      if (info.takes !== '') wrong(name, 'an immediate', `operands ${info.takes}`)
      if (instruction.op === 'index') {
        if (!isInteger(instruction.immediate, 0, coordinates - 1)) {
          wrong(`${name}.immediate`, instruction.immediate, `a coordinate below ${coordinates}`)
        }
      } else checkWord(instruction.immediate, `${name}.immediate`, info.gives as Register)
      registers.push(info.gives as Register)
      return
    }
    exactly(`${name}.args`, instruction.args.length, info.takes.length)
    let shared: Register | undefined
    instruction.args.forEach((value, a) => {
      if (!isInteger(value, 0, registers.length - 1)) wrong(`${name}.args[${a}]`, value, `an earlier value`)
      const takes = info.takes[a]!
      const register = registers[value]!
      if (takes === 'x') {
        shared ??= register
        exactly(`${name}.args[${a}] register`, register, shared)
      } else exactly(`${name}.args[${a}] register`, register, takes)
    })
    registers.push(info.gives === 'x' ? shared! : info.gives)
  })
  if (!isInteger(program.result, 0, registers.length - 1)) wrong(`${field}.result`, program.result, 'a value')
  return registers[program.result]!
}

/** A pattern of 32 bits; the NaN of the f register has one pattern only, so that a constant has one encoding. */
const checkWord = (word: number, field: string, register: Register): void => {
  if (!isInteger(word, 0, 2 ** 32 - 1)) wrong(field, word, 'a 32-bit pattern')
  if (register === 'f' && word !== canonicalF32(word)) {
    wrong(field, `0x${word.toString(16)}`, '0x7fc00000 for a NaN')
  }
}

const isInteger = (x: number, least: number, most: number): boolean =>
  Number.isSafeInteger(x) && x >= least && x <= most

const atMost = (field: string, value: number, limit: number): void => {
  if (value > limit) wrong(field, value, `at most ${limit}`)
}

const exactly = (field: string, value: string | number, expected: string | number): void => {
  if (value !== expected) wrong(field, value, expected)
}

const wrong = (field: string, value: string | number, limit: string | number): never => {
  throw new FaultError({
    code: 'program-invalid',
    field,
    value,
    limit,
    remedy: 'Programs are rejected before anything runs; build the program again within the limits.',
  })
}
