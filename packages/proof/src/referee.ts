import {
  combineStep,
  DTYPES,
  type Dtype,
  decodeNode,
  FaultError,
  type FoldNode,
  foldInit,
  foldStep,
  mapElement,
  type Node,
  outerRank,
  size,
  storeElement,
  unravel,
  type WordSource,
} from '@lockstep/tensor'
import { type Digest, digestFromHex, fromHex, type Hex, sameBytes, ZERO, ZERO_HEX } from './digest.ts'
import { parentDigest } from './hash.ts'
import { decodeJoin, type Join, type JoinRef } from './item.ts'
import type { JoinOpening } from './moves.ts'
import { type Agreed, MissingLeaf, storedBits } from './openings.ts'
import { InvalidItem, refuse } from './refusal.ts'
import { climb, treeHeight } from './tree.ts'

/**
 * The last word of a dispute: one scalar program run once, on what both sides agree about. It believes nothing that
 * validation promises: an item that is invalid where it matters is an `InvalidItem`.
 */

/** The node that an encoding holds, as an item that may only look back. */
export const decodeNodeItem = (encoding: Hex, item: number): Node => {
  const bytes = fromHex(encoding) ?? refuse('encoding-malformed', 'encoding', encoding, 'bytes')
  const node = validly(() => decodeNode(bytes, `nodes[${item}]`))
  if (node.shape.some((extent) => extent === 0)) throw new InvalidItem('a tensor has no elements')
  return node
}

export const decodeJoinItem = (encoding: Hex): Join => {
  const bytes = fromHex(encoding) ?? refuse('encoding-malformed', 'encoding', encoding, 'bytes')
  return validly(() => decodeJoin(bytes))
}

/** Whether an element needs no fold's accumulators: it is judged as soon as it is named. */
export const isJudgedAtOnce = (node: Node): boolean =>
  node.kind === 'map' || node.order.kind === 'scan' || size(node.box) < 2

/** The stored bits of an element that is judged at once. */
export const refereeElement = (node: Node, item: number, element: number, words: WordSource): number => {
  const source = lookingBack(node, item, words)
  const point: number[] = []
  unravel(element, node.shape, point)
  if (node.kind === 'map')
    return bitsOf(
      node.dtype,
      judge(() => mapElement(node, point, source)),
    )
  if (node.order.kind === 'scan') {
    const k = element % size(node.box)
    const out = point.slice(0, outerRank(node))
    const own = (): number => words({ from: 'node', index: item }, node.dtype, element - 1)
    return bitsOf(
      node.dtype,
      judge(() => foldStep(node, k > 0 ? own() : foldInit(node, out, source), point, source)),
    )
  }
  if (size(node.box) === 0)
    return bitsOf(
      node.dtype,
      judge(() => foldInit(node, point, source)),
    )
  return bitsOf(node.dtype, refereeStep(node, item, element, 0, undefined, words))
}

/** The accumulator after step k of an element of a fold; `acc` is the one before, undefined for init. */
export const refereeStep = (
  node: FoldNode,
  item: number,
  element: number,
  k: number,
  acc: number | undefined,
  words: WordSource,
): number => {
  const source = lookingBack(node, item, words)
  const point: number[] = []
  unravel(element, node.shape, point)
  const out = point.slice()
  unravel(k, node.box, point, node.shape.length)
  return judge(() => foldStep(node, acc ?? foldInit(node, out, source), point, source))
}

/** The accumulator after combining one block result. */
export const refereeCombine = (node: FoldNode, acc: number | undefined, result: number): number =>
  judge(() => combineStep(node, acc ?? (node.order.init as number), result))

/** The digest of a join. */
export const refereeJoin = (join: Join, left: JoinOpening, right: JoinOpening, agreed: Agreed): Digest =>
  parentDigest(joinSide(join.left, left, agreed, 'left'), joinSide(join.right, right, agreed, 'right'))

const joinSide = (
  ref: JoinRef,
  { digest: hex, path: hexes }: JoinOpening,
  agreed: Agreed,
  field: string,
): Digest => {
  if (ref.from === 'zero') {
    if (hex !== ZERO_HEX || hexes.length > 0)
      refuse('opening-malformed', field, hex, 'nothing, of an absent partner')
    return ZERO
  }
  const { header } = agreed
  const digest = digestFromHex(hex)
  const path = hexes.map(digestFromHex)
  const limit =
    ref.from === 'item' ? agreed.disputedItem : ref.from === 'state' ? header.states : header.inputs
  if (ref.index >= limit) throw new InvalidItem(`a join reads ${ref.from} ${ref.index}`)
  const height = treeHeight(
    ref.from === 'item' ? header.items : ref.from === 'state' ? header.states : header.inputs,
  )
  const length = ref.from === 'state' ? height + 1 : height
  if (path.length !== length) refuse('opening-malformed', `${field}.path`, `${path.length} siblings`, length)
  const tree = climb(digest, ref.index, path.slice(0, height))
  const reached = ref.from === 'state' ? parentDigest(tree, path[height]!) : tree
  const root = ref.from === 'item' ? agreed.stepRoot : ref.from === 'state' ? agreed.item : agreed.inputsRoot
  if (!sameBytes(reached, digestFromHex(root)))
    refuse('opening-unproven', field, hex, `a digest below ${root}`)
  return digest
}

/** The bits that a register word has once it is stored. */
export const bitsOf = (dtype: Dtype, word: number): number => {
  const data = new Uint8Array(DTYPES[dtype].bytes)
  storeElement(dtype, data, 0, word)
  return storedBits(dtype, data, 0)
}

/** A node that reads itself or a later one is invalid. */
const lookingBack =
  (_: Node, item: number, words: WordSource): WordSource =>
  (ref, dtype, position) => {
    if (ref.from === 'node' && ref.index >= item)
      throw new InvalidItem(`node ${item} reads node ${ref.index}`)
    return words(ref, dtype, position)
  }

/** Runs arithmetic that a valid item always survives. */
const judge = (run: () => number): number => {
  try {
    return run() >>> 0
  } catch (error) {
    if (error instanceof MissingLeaf || error instanceof InvalidItem || error instanceof FaultError)
      throw error
    throw new InvalidItem(error instanceof Error ? error.message : 'the item cannot be run')
  }
}

const validly = <T>(decode: () => T): T => {
  try {
    return decode()
  } catch (error) {
    if (error instanceof FaultError) throw new InvalidItem(error.message)
    throw error
  }
}
