import {
  combineStep,
  DTYPES,
  type Dtype,
  decodeNode,
  FaultError,
  type FoldNode,
  foldInit,
  foldRun,
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
import { checkItem } from './item-validity.ts'
import type { JoinOpening } from './moves.ts'
import { type Agreed, MissingLeaf, storedBits } from './openings.ts'
import type { ProgramHeader } from './program-id.ts'
import { InvalidItem, refuse } from './refusal.ts'
import { climb, treeHeight } from './tree.ts'

/**
 * The last word of a dispute: one scalar program run once, on what both sides agree about. It believes nothing that
 * validation promises: an item that is invalid where it matters is an `InvalidItem`.
 */

/** The node that an encoding holds. */
export const decodeNodeItem = (encoding: Hex, item: number, header: ProgramHeader): Node => {
  const bytes = fromHex(encoding) ?? refuse('encoding-malformed', 'encoding', encoding, 'bytes')
  const node = validly(() => decodeNode(bytes, `nodes[${item}]`))
  checkItem(node, item, header)
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
export const refereeElement = (node: Node, item: number, element: number, words: WordSource): number =>
  bitsOf(
    node.dtype,
    judge(() => {
      const point: number[] = []
      unravel(element, node.shape, point)
      if (node.kind === 'map') return mapElement(node, point, words)
      const out = point.slice(0, outerRank(node))
      const k = node.order.kind === 'scan' ? element % size(node.box) : 0
      const acc =
        k > 0 ? words({ from: 'node', index: item }, node.dtype, element - 1) : foldInit(node, out, words)
      if (node.order.kind === 'scan') return foldStep(node, acc, point, words)
      return foldRun(node, out, 0, size(node.box), acc, words)
    }),
  )

/** The accumulator after step k of an element of a fold; `acc` is the one before, undefined for init. */
export const refereeStep = (
  node: FoldNode,
  element: number,
  k: number,
  acc: number | undefined,
  words: WordSource,
): number =>
  judge(() => {
    const out: number[] = []
    unravel(element, node.shape, out)
    return foldRun(node, out, k, k + 1, acc ?? foldInit(node, out, words), words)
  })

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
