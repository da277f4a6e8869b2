import {
  DTYPES,
  type Dtype,
  dtypeFromCode,
  LIMITS,
  loadElement,
  type Ref,
  size,
  type TensorType,
} from '@lockstep/tensor'
import { type Digest, digestFromHex, fromHex, type Hex, sameBytes, toHex, ZERO } from './digest.ts'
import { leafDigest, parentDigest, tensorDigest } from './hash.ts'
import type { Opening } from './moves.ts'
import type { ProgramHeader } from './program-id.ts'
import { refuse } from './refusal.ts'
import { elementsPerLeaf, leafCount, leafLength } from './tensor-tree.ts'
import { climb, treeHeight } from './tree.ts'

/** What openings are proved against: all of it agreed by both sides or held by the contract. */
export type Agreed = {
  readonly header: ProgramHeader
  /** The item before the disputed step. */
  readonly item: Hex
  readonly inputsRoot: Hex
  /** The root of the disputed step's items, and which of them is disputed: those before it are agreed. */
  readonly stepRoot: Hex
  readonly disputedItem: number
  /** Of a scan: the disputed item's digest and leaf; the leaves before it are agreed. */
  readonly own?: { readonly digest: Hex; readonly leaf: number }
}

/** Thrown when a word is needed that no opening gives. */
export class MissingLeaf extends Error {
  override readonly name = 'MissingLeaf'
  readonly ref: Ref
  readonly leaf: number
  constructor(ref: Ref, leaf: number) {
    super(`${ref.from} ${ref.index}, leaf ${leaf}, is not opened`)
    this.ref = ref
    this.leaf = leaf
  }
}

/**
 * Gives the register word of element `position` of a tensor; the reader states the dtype and the number of elements. A
 * tensor that has others is a wrong opening: it says nothing about the program.
 */
export type AgreedWords = (ref: Ref, dtype: Dtype, elements: number, position: number) => number

type Opened = { readonly type: TensorType; readonly data: Uint8Array }

/** Proves each opening and gives words out of them; refuses one that does not lead to what is agreed. */
export const openWords = (openings: readonly Opening[], agreed: Agreed): AgreedWords => {
  const opened = new Map<string, Opened>()
  openings.forEach((opening, i) => {
    opened.set(`${opening.from} ${opening.index} ${opening.leaf}`, prove(opening, agreed, `openings[${i}]`))
  })
  return wordsOf((ref, leaf) => opened.get(`${ref.from} ${ref.index} ${leaf}`))
}

/** Words out of single leaves. */
export const wordsOf =
  (leafOf: (ref: Ref, leaf: number) => Opened | undefined): AgreedWords =>
  (ref, dtype, elements, position) => {
    const leaf = Math.floor(position / elementsPerLeaf(dtype))
    const opened = leafOf(ref, leaf)
    if (!opened) throw new MissingLeaf(ref, leaf)
    const { type, data } = opened
    if (type.dtype !== dtype) refuse('opening-mismatch', 'header', type.dtype, dtype)
    if (size(type.shape) !== elements) refuse('opening-mismatch', 'header', size(type.shape), elements)
    return loadElement(dtype, data, position % elementsPerLeaf(dtype))
  }

const prove = (opening: Opening, agreed: Agreed, field: string): Opened => {
  const type =
    typeOfHeader(opening.header) ??
    refuse('opening-malformed', `${field}.header`, opening.header, 'dtype, dims')
  const data = fromHex(opening.data) ?? refuse('opening-malformed', `${field}.data`, opening.data, 'bytes')
  const leaves = leafCount(type)
  if (opening.leaf >= leaves) refuse('opening-malformed', `${field}.leaf`, opening.leaf, `below ${leaves}`)
  if (data.length !== leafLength(type, opening.leaf)) {
    refuse('opening-malformed', `${field}.data`, `${data.length} bytes`, leafLength(type, opening.leaf))
  }
  const path = opening.path.map(digestFromHex)
  const below = treeHeight(leaves)
  const leavesRoot = climb(leafDigest(data), opening.leaf, path.slice(0, below))
  const tensor = tensorDigest(type.dtype, type.shape, leavesRoot)
  const { root, reached, length } = above(opening, tensor, path.slice(below), agreed, field)
  if (path.length !== below + length) {
    refuse('opening-malformed', `${field}.path`, `${path.length} siblings`, below + length)
  }
  if (!sameBytes(reached, digestFromHex(root))) refuse('opening-unproven', field, toHex(reached), root)
  return { type, data }
}

/** From a tensor's digest to the agreed digest above it. */
const above = (
  opening: Opening,
  tensor: Digest,
  path: readonly Digest[],
  agreed: Agreed,
  field: string,
): { readonly root: Hex; readonly reached: Digest; readonly length: number } => {
  const { header, own } = agreed
  const { from, index } = opening
  const below = (limit: number): void => {
    if (index >= limit) refuse('opening-not-agreed', field, `${from} ${index}`, `${from} below ${limit}`)
  }
  if (from === 'node' && own && index === agreed.disputedItem) {
    if (opening.leaf >= own.leaf)
      refuse('opening-not-agreed', `${field}.leaf`, opening.leaf, `below ${own.leaf}`)
    return { root: own.digest, reached: tensor, length: 0 }
  }
  if (from === 'node') {
    below(Math.min(agreed.disputedItem, header.nodes))
    return { root: agreed.stepRoot, reached: climb(tensor, index, path), length: treeHeight(header.items) }
  }
  if (from === 'input') {
    below(header.inputs)
    return { root: agreed.inputsRoot, reached: climb(tensor, index, path), length: treeHeight(header.inputs) }
  }
  below(header.states)
  const height = treeHeight(header.states)
  const state = climb(tensor, index, path.slice(0, height))
  return {
    root: agreed.item,
    reached: parentDigest(state, path[height] ?? ZERO),
    length: height + 1,
  }
}

/** The type that a tensor header names; undefined where it names none that a program may have. */
export const typeOfHeader = (header: Hex): TensorType | undefined => {
  const bytes = fromHex(header)
  if (!bytes || bytes.length < 2 || bytes.length !== 2 + 4 * bytes[1]! || bytes[1]! > LIMITS.rank)
    return undefined
  const dtype: Dtype | undefined = dtypeFromCode(bytes[0]!)
  const view = new DataView(bytes.buffer)
  const shape = Array.from({ length: bytes[1]! }, (_, d) => view.getUint32(2 + 4 * d))
  const elements = shape.reduce((n, extent) => n * BigInt(extent), 1n)
  if (!dtype || elements === 0n || elements > BigInt(LIMITS.elements)) return undefined
  return { dtype, shape }
}

/** An element's bits as they are stored, its bytes read as a little-endian number. */
export const storedBits = (dtype: Dtype, data: Uint8Array, element: number): number => {
  const { bytes } = DTYPES[dtype]
  let bits = 0
  for (let b = bytes - 1; b >= 0; b--) bits = bits * 256 + data[element * bytes + b]!
  return bits
}
