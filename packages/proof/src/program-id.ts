import { ByteWriter, ENCODING_VERSION, encodeInterface, type Program } from '@lockstep/tensor'
import type { Digest } from './digest.ts'
import { interfaceDigest, leafDigest, programDigest } from './hash.ts'
import { itemEncodings } from './item.ts'
import { rootOf, type Tree, treeOf } from './tree.ts'

/** What a program id is the hash of: the counts that a referee needs, and the roots of everything else. */
export type ProgramHeader = {
  readonly version: number
  readonly nodes: number
  readonly items: number
  readonly states: number
  readonly inputs: number
  readonly outputs: number
  readonly interfaceDigest: Digest
  readonly itemsRoot: Digest
}

/** A program with what its commitments are made of. */
export type CommittedProgram = {
  readonly program: Program
  readonly header: ProgramHeader
  readonly encodings: readonly Uint8Array[]
  /** The tree over the leaves of the item encodings. */
  readonly items: Tree
  readonly id: Digest
}

export const encodeHeader = (header: ProgramHeader): Uint8Array<ArrayBuffer> =>
  new ByteWriter()
    .u8(header.version)
    .u16(header.nodes)
    .u16(header.items)
    .u16(header.states)
    .u16(header.inputs)
    .u16(header.outputs)
    .bytes(header.interfaceDigest)
    .bytes(header.itemsRoot)
    .done()

export const commitProgram = (program: Program): CommittedProgram => {
  const encodings = itemEncodings(program)
  const items = treeOf(encodings.map(leafDigest))
  const header: ProgramHeader = {
    version: ENCODING_VERSION,
    nodes: program.nodes.length,
    items: encodings.length,
    states: program.state.length,
    inputs: program.inputs.length,
    outputs: program.outputs.length,
    interfaceDigest: interfaceDigest(encodeInterface(program)),
    itemsRoot: rootOf(items),
  }
  return { program, header, encodings, items, id: programDigest(encodeHeader(header)) }
}
