import { DTYPES } from '../dtype.ts'
import { catchFault, type Result } from '../fault.ts'
import { LIMITS } from '../limits.ts'
import type { NamedType, Program } from '../program.ts'
import { ByteReader, ByteWriter } from './bytes.ts'
import { decodeNode, encodeNode, readDims, readDtype, readRef, writeDims, writeRef } from './node.ts'

/** Version of every encoding in this package and in docs/numerics.md. */
export const ENCODING_VERSION = 1
const MAGIC = new TextEncoder().encode('LSPROG')
const INTERFACE_LIMIT = 8 << 20

/** State, inputs, next and outputs with their names: everything of a program but its nodes. */
export const encodeInterface = (program: Program): Uint8Array<ArrayBuffer> => {
  const w = new ByteWriter()
  writeTypes(w, program.state)
  writeTypes(w, program.inputs)
  for (const ref of program.next) writeRef(w, ref)
  w.u16(program.outputs.length)
  for (const { name, ref } of program.outputs) {
    writeRef(w, ref)
    writeName(w, name)
  }
  return w.done()
}

/** The bytes of a program file. */
export const encodeProgram = (program: Program): Uint8Array<ArrayBuffer> => {
  const face = encodeInterface(program)
  const w = new ByteWriter()
  w.bytes(MAGIC).u8(ENCODING_VERSION).u32(face.length).bytes(face).u16(program.nodes.length)
  for (const node of program.nodes) {
    const bytes = encodeNode(node)
    w.u16(bytes.length).bytes(bytes)
  }
  return w.done()
}

/** Reads a program file. The result is well-formed, not yet valid: see validate.ts. */
export const decodeProgram = (bytes: Uint8Array): Result<Program> =>
  catchFault(() => {
    const r = new ByteReader(bytes, 'program')
    const magic = r.bytes(MAGIC.length)
    if (magic.some((b, i) => b !== MAGIC[i])) r.malformed('magic', [...magic].join(' '), 'LSPROG')
    const version = r.u8()
    if (version !== ENCODING_VERSION) r.malformed('version', version, ENCODING_VERSION)
    const faceLength = r.u32()
    if (faceLength > INTERFACE_LIMIT) r.malformed('interface', faceLength, `at most ${INTERFACE_LIMIT} bytes`)
    const face = decodeInterface(r.bytes(faceLength))
    const count = r.u16()
    if (count > LIMITS.nodes) r.malformed('nodes', count, `at most ${LIMITS.nodes}`)
    const nodes = Array.from({ length: count }, (_, i) => {
      const length = r.u16()
      if (length > LIMITS.nodeBytes)
        r.malformed(`nodes[${i}]`, `${length} bytes`, `at most ${LIMITS.nodeBytes}`)
      return decodeNode(r.bytes(length), `nodes[${i}]`)
    })
    r.end()
    return { ...face, nodes }
  })

const decodeInterface = (bytes: Uint8Array): Omit<Program, 'nodes'> => {
  const r = new ByteReader(bytes, 'program.interface')
  const state = readTypes(r)
  const inputs = readTypes(r)
  const next = state.map(() => readRef(r))
  const outputs = r.list(count(r, 'outputs'), () => ({ ref: readRef(r), name: readName(r) }))
  r.end()
  return { state, inputs, next, outputs }
}

const count = (r: ByteReader, field: string): number => {
  const n = r.u16()
  return n > LIMITS.tensors ? r.malformed(field, n, `at most ${LIMITS.tensors}`) : n
}

const writeTypes = (w: ByteWriter, types: readonly NamedType[]): void => {
  w.u16(types.length)
  for (const type of types) {
    w.u8(DTYPES[type.dtype].code)
    writeDims(w, type.shape)
    writeName(w, type.name)
  }
}

const readTypes = (r: ByteReader): NamedType[] =>
  r.list(count(r, 'tensors'), () => ({
    dtype: readDtype(r),
    shape: readDims(r, LIMITS.rank),
    name: readName(r),
  }))

const writeName = (w: ByteWriter, name: string): void => {
  const bytes = new TextEncoder().encode(name)
  w.u8(bytes.length).bytes(bytes)
}

const readName = (r: ByteReader): string => {
  const length = r.u8()
  if (length > LIMITS.nameBytes) r.malformed('name', length, `at most ${LIMITS.nameBytes} bytes`)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(r.bytes(length))
  } catch (error) {
    if (error instanceof TypeError) return r.malformed('name', 'not UTF-8', 'UTF-8')
    throw error
  }
}
