import {
  type Affine,
  type Bound,
  canonicalF32,
  checkScalar,
  DTYPES,
  type Dtype,
  decodeNode,
  FaultError,
  type FoldNode,
  isWordCoord,
  LIMITS,
  type Node,
  outerRank,
  type Read,
  type Register,
  runScalar,
  type ScalarProgram,
  sameShape,
  size,
  storeElement,
  unravel,
  type WordRead,
} from '@lockstep/tensor'
import { type Digest, digestFromHex, fromHex, type Hex, sameBytes, ZERO, ZERO_HEX } from './digest.ts'
import { parentDigest } from './hash.ts'
import { decodeJoin, type Join, type JoinRef } from './item.ts'
import type { JoinOpening } from './moves.ts'
import { type Agreed, type AgreedWords, storedBits } from './openings.ts'
import type { ProgramHeader } from './program-id.ts'
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
  mustHaveExtents(node.shape, 1)
  if (node.kind === 'fold') {
    mustHaveExtents(node.box, 0)
    if (node.order.kind === 'scan') {
      if (node.dtype !== 'f32' && node.dtype !== 'u32') throw new InvalidItem(`a scan of ${node.dtype}`)
      const outer = outerRank(node)
      if (outer < 0 || !sameShape(node.shape.slice(outer), node.box))
        throw new InvalidItem('a scan whose shape does not end with its box')
    }
    if (typeof node.order.init !== 'number') mustBeRead(node.order.init)
    for (const bound of node.guards.flatMap(({ left, right }) => [left, right]))
      if ('word' in bound) mustHaveExtents(bound.word.view, 1)
  }
  node.reads.forEach(mustBeRead)
  return node
}

const mustHaveExtents = (extents: readonly number[], least: number): void => {
  const points = extents.reduce((n, extent) => n * BigInt(extent), 1n)
  if (
    extents.some((extent) => extent < least || extent > LIMITS.elements) ||
    points > BigInt(LIMITS.elements)
  )
    throw new InvalidItem(`the extents [${extents}]`)
}

const mustBeRead = ({ view, coords }: Read): void => {
  mustHaveExtents(view, 1)
  const words = coords.filter(isWordCoord)
  if (words.length > 1) throw new InvalidItem('a read with two words as coordinates')
  for (const { word } of words) mustHaveExtents(word.view, 1)
}

export const decodeJoinItem = (encoding: Hex): Join => {
  const bytes = fromHex(encoding) ?? refuse('encoding-malformed', 'encoding', encoding, 'bytes')
  return validly(() => decodeJoin(bytes))
}

/** Whether an element needs no fold's accumulators: it is judged as soon as it is named. */
export const isJudgedAtOnce = (node: Node): boolean =>
  node.kind === 'map' || node.order.kind === 'scan' || size(node.box) < 2

/** What a referee may take from the program: the node, its number, and how many tensors its refs may name. */
export type Judged<N extends Node = Node> = {
  readonly node: N
  readonly item: number
  readonly header: Pick<ProgramHeader, 'states' | 'inputs'>
}

/** The stored bits of an element that is judged at once. */
export const refereeElement = (judged: Judged, element: number, words: AgreedWords): number => {
  const { node, item } = judged
  const point: number[] = []
  unravel(element, node.shape, point)
  if (node.kind === 'map') {
    const scene: Scene = { ...judged, words, point, coordinates: point.length }
    const args = node.reads.map((read) => readWord(read, scene))
    return bitsOf(node.dtype, runChecked(node.program, registersOf(node), node.dtype, args, point))
  }
  const fold = { ...judged, node }
  if (node.order.kind === 'scan') {
    const points = size(node.box)
    const k = element % points
    const own = (): number => words({ from: 'node', index: item }, node.dtype, size(node.shape), element - 1)
    const before = k > 0 ? own() : undefined
    return bitsOf(node.dtype, stepChecked(fold, Math.floor(element / points), k, before, words))
  }
  if (size(node.box) > 0) return bitsOf(node.dtype, refereeStep(fold, element, 0, undefined, words))
  return bitsOf(node.dtype, initWord(node, { ...judged, words, point, coordinates: point.length }))
}

/** The accumulator after step k of an element of a fold; `acc` is the one before, undefined for init. */
export const refereeStep = (
  judged: Judged<FoldNode>,
  element: number,
  k: number,
  acc: number | undefined,
  words: AgreedWords,
): number => stepChecked(judged, element, k, acc, words)

/** The accumulator after combining one block result. */
export const refereeCombine = (node: FoldNode, acc: number | undefined, result: number): number => {
  if (node.order.kind !== 'blocked') throw new InvalidItem('only a blocked fold combines')
  const { register } = DTYPES[node.dtype]
  const args = [acc ?? node.order.init, result]
  return runChecked(node.order.combine, [register, register], node.dtype, args, [])
}

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

// What follows is element.ts with nothing taken on trust, in the order in which Referee.sol looks: whatever is wrong with
// the item itself is an InvalidItem, whatever is wrong with the openings refuses the move.

/** What a read is made with. */
type Scene = Judged & {
  readonly words: AgreedWords
  readonly point: readonly number[]
  /** How many of the point's coordinates affine forms may use. */
  readonly coordinates: number
}

/** `outer` is the element's position among the coordinates before the box. */
const stepChecked = (
  judged: Judged<FoldNode>,
  outer: number,
  k: number,
  acc: number | undefined,
  words: AgreedWords,
): number => {
  const { node } = judged
  const coordinates = outerRank(node)
  const point: number[] = []
  unravel(outer, node.shape.slice(0, coordinates), point)
  unravel(k, node.box, point, coordinates)
  const before = acc ?? initWord(node, { ...judged, words, point, coordinates })
  const { register } = DTYPES[node.dtype]
  const word = register === 'f' ? canonicalF32(before) : before
  const scene: Scene = { ...judged, words, point, coordinates: point.length }
  for (const { test, left, right } of node.guards) {
    const [a, b] = [boundOf(left, scene), boundOf(right, scene)]
    if (!(test === 'lt' ? a < b : a === b)) return word
  }
  const args = [word, ...node.reads.map((read) => readWord(read, scene))]
  return runChecked(node.step, [register, ...registersOf(node)], node.dtype, args, point)
}

const registersOf = (node: Node): Register[] => node.reads.map(({ dtype }) => DTYPES[dtype].register)

const initWord = (node: FoldNode, scene: Scene): number => {
  const { init } = node.order
  if (typeof init === 'number') return init
  if (DTYPES[init.dtype].register !== DTYPES[node.dtype].register)
    throw new InvalidItem('the init is in another register than the fold')
  return readWord(init, scene)
}

/** An affine form at the scene's point, exactly: the numbers of an invalid item may be of any size. */
const affineOf = (form: Affine, { point, coordinates }: Scene): bigint => {
  let value = BigInt(form.base)
  for (const { at, by } of form.terms) {
    if (at >= coordinates) throw new InvalidItem(`there is no coordinate ${at}`)
    value += BigInt(by) * BigInt(point[at]!)
  }
  return value
}

const boundOf = (bound: Bound, scene: Scene): bigint =>
  'word' in bound ? BigInt(gatheredWord(bound.word, scene)) : affineOf(bound, scene)

const gatheredWord = (read: WordRead, scene: Scene): number => {
  let position = 0
  read.view.forEach((extent, d) => {
    const at = affineOf(read.coords[d]!, scene)
    if (at < 0n || at >= BigInt(extent)) throw new InvalidItem('an address lies outside its view')
    position = position * extent + Number(at)
  })
  return loadedWord(read, scene, position)
}

/** One read: the element's register word, or the pad. */
const readWord = (read: Read, scene: Scene): number => {
  const coords = read.coords.map((coord) => (isWordCoord(coord) ? coord : affineOf(coord, scene)))
  const isOutside = coords.some(
    (coord, d) => typeof coord === 'bigint' && (coord < 0n || coord >= BigInt(read.view[d]!)),
  )
  if (isOutside) return read.pad ?? invalid('an address lies outside its view')
  const position = coords.reduce<number>((sum, coord, d) => {
    const extent = read.view[d]!
    const at =
      typeof coord === 'bigint' ? Number(coord) : Math.min(gatheredWord(coord.word, scene), extent - 1)
    return sum * extent + at
  }, 0)
  return loadedWord(read, scene, position)
}

const loadedWord = (read: Read | WordRead, scene: Scene, position: number): number => {
  const { ref, dtype, view } = read
  const { item, header } = scene
  const limit = ref.from === 'node' ? item : ref.from === 'state' ? header.states : header.inputs
  if (ref.index >= limit) throw new InvalidItem(`node ${item} reads ${ref.from} ${ref.index}`)
  return scene.words(ref, dtype, size(view), position)
}

/** Runs a scalar program that nobody has validated. */
const runChecked = (
  program: ScalarProgram,
  args: readonly Register[],
  dtype: Dtype,
  values: readonly number[],
  point: readonly number[],
): number => {
  const result = validly(() => checkScalar(withOneNaN(program), args, point.length, 'program'))
  if (result !== DTYPES[dtype].register)
    throw new InvalidItem('the result is in another register than the node')
  return runScalar(program, values, point)
}

/** Validation takes one pattern of the NaN as a constant; a referee takes them all for that one. */
const withOneNaN = ({ code, ...rest }: ScalarProgram): ScalarProgram => ({
  ...rest,
  code: code.map((instruction) =>
    instruction.op === 'const_f'
      ? { ...instruction, immediate: canonicalF32(instruction.immediate) }
      : instruction,
  ),
})

const invalid = (why: string): never => {
  throw new InvalidItem(why)
}

const validly = <T>(decode: () => T): T => {
  try {
    return decode()
  } catch (error) {
    if (error instanceof FaultError) throw new InvalidItem(error.message)
    throw error
  }
}
