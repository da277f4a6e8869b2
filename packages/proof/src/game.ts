import {
  catchFault,
  DTYPES,
  type FoldNode,
  loadElement,
  type Node,
  type Result,
  size,
} from '@lockstep/tensor'
import { beginTurn, type Clock, endTurn, isOver, startClock, type Timing } from './clock.ts'
import { digestFromHex, fromHex, type Hex, isZero, sameBytes, toHex, ZERO_HEX } from './digest.ts'
import {
  levelCounts,
  type Range,
  rangeBelow,
  rangeOfWord,
  runLength,
  runOver,
  strideLevel,
  topOf,
} from './fold-cut.ts'
import { leafDigest, programDigest, tensorDigest } from './hash.ts'
import { type Move, type Phase, type Side, sideOf } from './moves.ts'
import { type Agreed, type AgreedWords, MissingLeaf, openWords, storedBits } from './openings.ts'
import { nextHash, wordsHash } from './position-hash.ts'
import { encodeHeader, type ProgramHeader } from './program-id.ts'
import {
  bitsOf,
  decodeJoinItem,
  decodeNodeItem,
  isJudgedAtOnce,
  refereeCombine,
  refereeElement,
  refereeJoin,
  refereeStep,
} from './referee.ts'
import { InvalidItem, refuse } from './refusal.ts'
import { checkpointCount, segmentSteps, type TaskFields } from './task.ts'
import { elementsPerLeaf, leafCount, leafLength } from './tensor-tree.ts'
import { climb, cutHeight, isItem, rootOfCut, treeHeight, widthAt } from './tree.ts'

/**
 * The game between a claimant and a challenger: the same state machine as Disputes.sol. docs/disputes.md says why it
 * ends with the liar's loss, docs/dispute-moves.md fixes names and arguments. Everything here is a pure function; a
 * move that is not accepted is a fault and changes nothing.
 */

/** What does not change while a dispute lasts. */
export type Terms = {
  readonly task: TaskFields
  readonly header: ProgramHeader
  readonly timing: Timing
  readonly claim: Hex
}

/** How it ended: which side won, or void where the program itself is invalid. */
export type Outcome = 'open' | Side | 'void'

export type Game = {
  readonly terms: Terms
  readonly outcome: Outcome
  readonly phase: Phase
  readonly turn: Side
  /** Of what is disputed; see docs/dispute-moves.md, "Position". */
  readonly height: number
  readonly position: number
  /** A digest, or a word in the low bytes. */
  readonly disputed: Hex
  /** The root of the vector that is being descended; zero until its first post. */
  readonly root: Hex
  /** The item before the disputed one: both sides take it for true. */
  readonly agreed: Hex
  readonly segment: number
  readonly step: number
  readonly node: DisputedNode | undefined
  readonly fold: DisputedFold | undefined
  readonly clock: Clock
  /** The running hash of the game. */
  readonly at: Hex
}

export type DisputedNode = {
  readonly index: number
  readonly item: Hex
  /** The root of the step's items. */
  readonly stepRoot: Hex
  readonly node: Node
  /** The leaf of the node's encoding in the program. */
  readonly encoding: Hex
  readonly leaf: number
  readonly element: number
}

export type DisputedFold = {
  /** The agreed accumulator before the range; undefined for init. */
  readonly acc: number | undefined
  /** Whether the disputed word is an accumulator itself; else it is an element's stored bits. */
  readonly exact: boolean
  /** In run: the end of the range of k. */
  readonly to: number
  /** The hash of the words last posted. */
  readonly words: Hex
}

export type SegmentNamed = {
  readonly segment: number
  readonly checkpoint: Hex
  readonly checkpointPath: readonly Hex[]
  readonly predecessor: Hex
  readonly predecessorPath: readonly Hex[]
}

/** Opens a dispute about a claim's whole history, or about one named segment of it. */
export const openGame = (terms: Terms, seed: Hex, now: number, named?: SegmentNamed): Result<Game> =>
  catchFault(() => {
    const { task, header, claim, timing } = terms
    const id = toHex(programDigest(encodeHeader(header)))
    if (id !== task.program) refuse('header-mismatch', 'header', id, task.program)
    const count = checkpointCount(task)
    const game: Game = {
      terms,
      outcome: 'open',
      phase: 'history',
      turn: 'claimant',
      height: treeHeight(count),
      position: 0,
      disputed: claim,
      root: claim,
      agreed: task.initialItem,
      segment: 0,
      step: 0,
      node: undefined,
      fold: undefined,
      clock: startClock(timing),
      at: seed,
    }
    if (named === undefined) return begin(count === 1 ? enterSegment(game, 0, claim) : game, now)
    const { segment, checkpoint, predecessor } = named
    mustBeItem(claim, count, segment, checkpoint, named.checkpointPath, 'checkpoint')
    const before = agreedBefore(game, claim, count, segment, predecessor, named.predecessorPath)
    return begin(enterSegment({ ...game, agreed: before }, segment, checkpoint), now)
  })

/** The game after a move at time `now`, or why the move is refused. */
export const playMove = (game: Game, move: Move, now: number): Result<Game> =>
  catchFault(() => {
    if (game.outcome !== 'open') refuse('dispute-over', 'outcome', game.outcome, 'open')
    if (move.at !== game.at) refuse('move-misplaced', 'at', move.at, game.at)
    if (sideOf(move.kind) !== game.turn)
      refuse('not-your-turn', 'move', move.kind, `a move of the ${game.turn}`)
    if (isOver(game.clock, now)) refuse('move-late', 'now', now, `at most ${game.clock.deadline}`)
    const next = { ...answer(game, move), clock: endTurn(game.clock, game.turn, now) }
    return next.outcome === 'open' ? begin(next, now) : next
  })

/** Ends the game for the side that let its turn pass. */
export const playTimeout = (game: Game, now: number): Result<Game> =>
  catchFault(() => {
    if (game.outcome !== 'open') refuse('dispute-over', 'outcome', game.outcome, 'open')
    if (!isOver(game.clock, now)) refuse('not-late', 'now', now, `above ${game.clock.deadline}`)
    return { ...game, outcome: opponent(game.turn) }
  })

export const opponent = (side: Side): Side => (side === 'claimant' ? 'challenger' : 'claimant')

/** How many digests the vector has that the game descends. */
export const vectorCount = (game: Game): number => {
  const { task, header } = game.terms
  switch (game.phase) {
    case 'history':
      return checkpointCount(task)
    case 'segment':
      return segmentSteps(task, game.segment)
    case 'step':
      return header.items
    case 'tensor':
      return leafCount(game.node!.node)
    default:
      return 1
  }
}

/** Whether a vector's root is still to be posted. */
export const isFirstPost = (game: Game): boolean => game.root === ZERO_HEX

/** The seconds that the present turn has at least. */
export const extensionOf = (game: Game): number => {
  const { timing } = game.terms
  const isTop = game.position === 0 && game.height === treeHeight(vectorCount(game))
  if (game.phase === 'segment' && isTop) return timing.segmentTime
  if (game.phase === 'step' && isTop) return timing.stepTime
  return timing.moveTime
}

const begin = (game: Game, now: number): Game => ({
  ...game,
  at: nextHash(game.at, game),
  clock: beginTurn(game.clock, game.turn, extensionOf(game), now),
})

const answer = (game: Game, move: Move): Game => {
  switch (move.kind) {
    case 'postChildren':
      return postChildren(game, move)
    case 'postLeaf':
      return postLeaf(game, move)
    case 'postWords':
      return postWords(game, move)
    case 'nameChild':
      return nameChild(game, move)
    case 'nameItem':
      return nameItem(game, move)
    case 'nameNode':
      return nameNode(game, move)
    case 'judgeJoin':
      return judgeJoin(game, move)
    case 'nameElement':
      return nameElement(game, move)
    case 'judgeElement':
      return judgeElement(game, move)
    case 'nameWord':
      return nameWord(game, move)
    case 'judgeWord':
      return judgeWord(game, move)
  }
}

type Of<K extends Move['kind']> = Extract<Move, { readonly kind: K }>

const inPhase = (game: Game, move: Move, ...phases: readonly Phase[]): void => {
  if (!phases.includes(game.phase))
    refuse('move-unexpected', 'phase', game.phase, `${phases.join(' or ')} for ${move.kind}`)
}

const expect = (field: string, value: string | number, expected: string | number): void => {
  if (value !== expected) refuse('move-malformed', field, value, expected)
}

// Entering the phases. Vectors of one item are passed through: their item is the disputed one.

const enterSegment = (game: Game, segment: number, checkpoint: Hex): Game => {
  const count = segmentSteps(game.terms.task, segment)
  const inside: Game = {
    ...game,
    phase: 'segment',
    segment,
    disputed: checkpoint,
    root: ZERO_HEX,
    turn: 'claimant',
  }
  if (count === 1) return enterStep(inside, segment * game.terms.task.segmentLength, checkpoint)
  return { ...inside, height: treeHeight(count), position: 0 }
}

const enterStep = (game: Game, step: number, item: Hex): Game => ({
  ...game,
  phase: 'step',
  step,
  disputed: item,
  root: ZERO_HEX,
  turn: 'claimant',
  height: treeHeight(game.terms.header.items),
  position: 0,
})

const enterNode = (game: Game, node: DisputedNode): Game => {
  const leaves = leafCount(node.node)
  const inside: Game = { ...game, node, disputed: node.item, root: ZERO_HEX, turn: 'claimant', position: 0 }
  if (leaves === 1) return { ...inside, phase: 'leaf', height: 0 }
  return { ...inside, phase: 'tensor', height: treeHeight(leaves) }
}

const enterRun = (game: Game, range: Range, acc: number | undefined, exact: boolean, word: number): Game => ({
  ...game,
  phase: 'run',
  turn: 'claimant',
  height: strideLevel(runOver(range)),
  position: range.from,
  disputed: hexOfWord(word),
  fold: { acc, exact, to: range.to, words: ZERO_HEX },
})

const enterCombine = (game: Game, level: number, index: number, exact: boolean, word: number): Game => ({
  ...game,
  phase: 'combine',
  turn: 'claimant',
  height: level,
  position: index,
  disputed: hexOfWord(word),
  fold: { acc: undefined, exact, to: 0, words: ZERO_HEX },
})

// The claimant's moves.

const postChildren = (game: Game, move: Of<'postChildren'>): Game => {
  inPhase(game, move, 'history', 'segment', 'step', 'tensor')
  const { height, position, phase } = game
  const a = cutHeight(height)
  expect('children.length', move.children.length, 2 ** a)
  const children = move.children.map(digestFromHex)
  const width = widthAt(vectorCount(game), height - a)
  children.forEach((child, i) => {
    if (position * 2 ** a + i >= width && !isZero(child)) {
      refuse('move-malformed', `children[${i}]`, move.children[i]!, 'zero past the end of the vector')
    }
  })
  const root = toHex(rootOfCut(children))
  const first = isFirstPost(game)
  if (!first || phase === 'tensor') expect('lastPath.length', move.lastPath.length, 0)
  const posted: Game = { ...game, turn: 'challenger' }
  if (!first) {
    expect('children', root, game.disputed)
    return posted
  }
  if (root === ZERO_HEX) refuse('move-malformed', 'children', root, 'a root that is not zero')
  if (phase === 'tensor') {
    const { dtype, shape } = game.node!.node
    expect('children', toHex(tensorDigest(dtype, shape, digestFromHex(root))), game.disputed)
  } else {
    const count = vectorCount(game)
    mustBeItem(root, count, count - 1, game.disputed, move.lastPath, 'lastPath')
  }
  return { ...posted, root, disputed: root }
}

const postLeaf = (game: Game, move: Of<'postLeaf'>): Game => {
  inPhase(game, move, 'leaf')
  const { node, leaf } = game.node!
  const data = fromHex(move.data) ?? refuse('move-malformed', 'data', move.data, 'bytes')
  expect('data.length', data.length, leafLength(node, leaf))
  const digest = leafDigest(data)
  // The leaf of a tensor of one leaf is known by the tensor's digest only.
  const known = leafCount(node) === 1 ? tensorDigest(node.dtype, node.shape, digest) : digest
  expect('data', toHex(known), game.disputed)
  return { ...game, turn: 'challenger', disputed: toHex(digest) }
}

const postWords = (game: Game, move: Of<'postWords'>): Game => {
  inPhase(game, move, 'combine', 'run')
  const bytes = fromHex(move.words) ?? refuse('move-malformed', 'words', move.words, 'bytes')
  expect('words.length', bytes.length, 4 * wordCount(game))
  const last = wordAt(bytes, wordCount(game) - 1)
  const claimed = game.fold!.exact ? last : bitsOf(game.node!.node.dtype, last)
  expect('last word', hexOfWord(claimed), game.disputed)
  return { ...game, turn: 'challenger', fold: { ...game.fold!, words: wordsHash(bytes) } }
}

/** How many words the claimant posts in combine and run. */
export const wordCount = (game: Game): number => {
  const { phase, position, height, fold, node } = game
  if (phase === 'run') return runLength(runOver({ from: position, to: fold!.to }))
  const { from, to } = rangeBelow(levelCounts(pointsOf(node!.node)), { level: height, index: position })
  return 2 * (to - from)
}

// The challenger's answers.

/** One level of cuts down: to the child that the challenger names and proves. */
const descend = (game: Game, move: Of<'nameChild' | 'nameItem' | 'nameNode' | 'judgeJoin'>): Game => {
  const a = cutHeight(game.height)
  expect('siblings.length', move.siblings.length, a)
  const height = game.height - a
  const width = Math.min(2 ** a, widthAt(vectorCount(game), height) - game.position * 2 ** a)
  if (!(move.index >= 0 && move.index < width))
    refuse('move-malformed', 'index', move.index, `below ${width}`)
  const reached = climb(digestFromHex(move.digest), move.index, move.siblings.map(digestFromHex))
  if (!sameBytes(reached, digestFromHex(game.disputed))) {
    refuse('move-unproven', 'digest', move.digest, `a child of ${game.disputed}`)
  }
  return {
    ...game,
    turn: 'claimant',
    height,
    position: game.position * 2 ** a + move.index,
    disputed: move.digest,
  }
}

const nameChild = (game: Game, move: Of<'nameChild'>): Game => {
  inPhase(game, move, 'history', 'segment', 'step', 'tensor')
  const below = descend(game, move)
  if (below.height > 0) return below
  inPhase(game, move, 'tensor')
  return { ...below, phase: 'leaf', node: { ...game.node!, leaf: below.position } }
}

const atBottom = (game: Game, move: Of<'nameItem' | 'nameNode' | 'judgeJoin'>): Game => {
  const below = descend(game, move)
  expect('height', below.height, 0)
  return below
}

const nameItem = (game: Game, move: Of<'nameItem'>): Game => {
  inPhase(game, move, 'history', 'segment')
  const { position, disputed } = atBottom(game, move)
  const agreed = agreedBefore(
    game,
    game.root,
    vectorCount(game),
    position,
    move.predecessor,
    move.predecessorPath,
  )
  const before = { ...game, agreed }
  return game.phase === 'history'
    ? enterSegment(before, position, disputed)
    : enterStep(before, game.segment * game.terms.task.segmentLength + position, disputed)
}

/** The item before `position`: opened against the vector's root, or what was agreed before the vector. */
const agreedBefore = (
  game: Game,
  root: Hex,
  count: number,
  position: number,
  predecessor: Hex,
  path: readonly Hex[],
): Hex => {
  if (position > 0) {
    mustBeItem(root, count, position - 1, predecessor, path, 'predecessor')
    return predecessor
  }
  expect('predecessor', predecessor, ZERO_HEX)
  expect('predecessorPath.length', path.length, 0)
  return game.agreed
}

const mustBeItem = (
  root: Hex,
  count: number,
  position: number,
  digest: Hex,
  path: readonly Hex[],
  field: string,
): void => {
  const proved = isItem(digestFromHex(root), count, position, digestFromHex(digest), path.map(digestFromHex))
  if (!proved) refuse('move-unproven', field, digest, `item ${position} of ${count} below ${root}`)
}

const nameNode = (game: Game, move: Of<'nameNode'>): Game => {
  inPhase(game, move, 'step')
  const { position, disputed } = atBottom(game, move)
  const { header } = game.terms
  if (position >= header.nodes) refuse('move-unexpected', 'item', position, 'judgeJoin for a join')
  const encoding = provenEncoding(game, position, move)
  return orVoid(game, () => {
    const node = decodeNodeItem(move.encoding, position)
    const { root: stepRoot } = game
    return enterNode(game, { index: position, item: disputed, stepRoot, node, encoding, leaf: 0, element: 0 })
  })
}

const provenEncoding = (
  game: Game,
  item: number,
  { encoding, encodingPath }: Of<'nameNode' | 'judgeJoin'>,
): Hex => {
  const { header } = game.terms
  const bytes = fromHex(encoding) ?? refuse('move-malformed', 'encoding', encoding, 'bytes')
  const leaf = toHex(leafDigest(bytes))
  mustBeItem(toHex(header.itemsRoot), header.items, item, leaf, encodingPath, 'encoding')
  return leaf
}

const judgeJoin = (game: Game, move: Of<'judgeJoin'>): Game => {
  inPhase(game, move, 'step')
  const { position, disputed } = atBottom(game, move)
  if (position < game.terms.header.nodes) refuse('move-unexpected', 'item', position, 'nameNode for a node')
  provenEncoding(game, position, move)
  return orVoid(game, () => {
    const join = decodeJoinItem(move.encoding)
    const truth = refereeJoin(join, move.left, move.right, agreedFor(game, game.root, position))
    return verdict(game, toHex(truth) === disputed)
  })
}

/** The element that is named, with its claimed bits. */
const namedElement = (
  game: Game,
  move: Of<'nameElement' | 'judgeElement'>,
): { node: DisputedNode; bits: number } => {
  inPhase(game, move, 'leaf')
  const { node } = game
  const data = fromHex(move.data) ?? refuse('move-malformed', 'data', move.data, 'bytes')
  expect('data', toHex(leafDigest(data)), game.disputed)
  const { dtype } = node!.node
  const width = data.length / DTYPES[dtype].bytes
  if (!(move.index >= 0 && move.index < width))
    refuse('move-malformed', 'index', move.index, `below ${width}`)
  const element = node!.leaf * elementsPerLeaf(dtype) + move.index
  return { node: { ...node!, element }, bits: storedBits(dtype, data, move.index) }
}

const nameElement = (game: Game, move: Of<'nameElement'>): Game => {
  const { node, bits } = namedElement(game, move)
  if (isJudgedAtOnce(node.node)) refuse('move-unexpected', 'element', node.element, 'judgeElement')
  const top = topOf(node.node as FoldNode)
  const named = { ...game, node }
  return 'level' in top
    ? enterCombine(named, top.level, top.index, false, bits)
    : enterRun(named, top, undefined, false, bits)
}

const judgeElement = (game: Game, move: Of<'judgeElement'>): Game => {
  const { node, bits } = namedElement(game, move)
  if (!isJudgedAtOnce(node.node)) refuse('move-unexpected', 'element', node.element, 'nameElement')
  mustBeEncoding(node, move.encoding)
  const agreed = agreedFor(game, node.stepRoot, node.index)
  // A scan's own earlier elements: of the posted leaf itself, or opened from a leaf before it.
  const own = { digest: node.item, leaf: node.leaf }
  const isScan = node.node.kind === 'fold' && node.node.order.kind === 'scan'
  const words = openWords(move.openings, isScan ? { ...agreed, own } : agreed)
  const posted = fromHex(move.data)!
  return orVoid(game, () => {
    const judged = { node: node.node, item: node.index, header: game.terms.header }
    const truth = refereeElement(judged, node.element, isScan ? withOwnLeaf(node, posted, words) : words)
    return verdict(game, truth === bits)
  })
}

/** A scan's earlier elements of the posted leaf itself need no opening. */
export const withOwnLeaf =
  ({ index, leaf }: DisputedNode, posted: Uint8Array, words: AgreedWords): AgreedWords =>
  (ref, dtype, elements, position) => {
    const inLeaf = position - leaf * elementsPerLeaf(dtype)
    const isOwn = ref.from === 'node' && ref.index === index && inLeaf >= 0
    return isOwn ? loadElement(dtype, posted, inLeaf) : words(ref, dtype, elements, position)
  }

/** A word that the challenger names, with the accumulator before it. */
type NamedWord = {
  readonly word: number
  /** Where it leads: a range of steps, a value to combine below, or one combine that is judged. */
  readonly to:
    | { readonly kind: 'range'; readonly range: Range; readonly acc: number | undefined }
    | { readonly kind: 'value'; readonly level: number; readonly index: number }
    | { readonly kind: 'combine'; readonly acc: number | undefined; readonly result: number }
}

const namedWord = (game: Game, move: Of<'nameWord' | 'judgeWord'>): NamedWord => {
  inPhase(game, move, 'combine', 'run')
  const { fold, node, height, position } = game
  const bytes = fromHex(move.words) ?? refuse('move-malformed', 'words', move.words, 'bytes')
  expect('words', wordsHash(bytes), fold!.words)
  const count = bytes.length / 4
  const { index } = move
  if (!(index >= 0 && index < count)) refuse('move-malformed', 'index', index, `below ${count}`)
  const word = wordAt(bytes, index)
  if (game.phase === 'run') {
    const range = rangeOfWord(runOver({ from: position, to: fold!.to }), index)
    const acc = index > 0 ? wordAt(bytes, index - 1) : fold!.acc
    return { word, to: { kind: 'range', range, acc } }
  }
  if (index % 2 === 1) {
    const acc = index > 1 ? wordAt(bytes, index - 2) : undefined
    return { word, to: { kind: 'combine', acc, result: wordAt(bytes, index - 1) } }
  }
  const counts = levelCounts(pointsOf(node!.node))
  const below = {
    level: height - 1,
    index: rangeBelow(counts, { level: height, index: position }).from + index / 2,
  }
  if (below.level > 1) return { word, to: { kind: 'value', ...below } }
  return { word, to: { kind: 'range', range: rangeBelow(counts, below), acc: undefined } }
}

const nameWord = (game: Game, move: Of<'nameWord'>): Game => {
  const { word, to } = namedWord(game, move)
  if (to.kind === 'value') return enterCombine(game, to.level, to.index, true, word)
  if (to.kind === 'combine' || to.range.to - to.range.from === 1) {
    return refuse('move-unexpected', 'index', move.index, 'judgeWord')
  }
  return enterRun(game, to.range, to.acc, true, word)
}

const judgeWord = (game: Game, move: Of<'judgeWord'>): Game => {
  const { word, to } = namedWord(game, move)
  const { node, index, element, stepRoot } = game.node!
  mustBeEncoding(game.node!, move.encoding)
  if (to.kind === 'value' || (to.kind === 'range' && to.range.to - to.range.from > 1)) {
    return refuse('move-unexpected', 'index', move.index, 'nameWord')
  }
  const words = openWords(move.openings, agreedFor(game, stepRoot, index))
  return orVoid(game, () => {
    const fold = node as FoldNode
    const truth =
      to.kind === 'combine'
        ? refereeCombine(fold, to.acc, to.result)
        : refereeStep(
            { node: fold, item: index, header: game.terms.header },
            element,
            to.range.from,
            to.acc,
            words,
          )
    return verdict(game, truth === word)
  })
}

const agreedFor = (game: Game, stepRoot: Hex, disputedItem: number): Agreed => ({
  header: game.terms.header,
  item: game.agreed,
  inputsRoot: game.terms.task.inputsRoot,
  stepRoot,
  disputedItem,
})

const mustBeEncoding = (node: DisputedNode, encoding: Hex): void => {
  const bytes = fromHex(encoding) ?? refuse('move-malformed', 'encoding', encoding, 'bytes')
  expect('encoding', toHex(leafDigest(bytes)), node.encoding)
}

const verdict = (game: Game, isTrue: boolean): Game => ({
  ...game,
  outcome: isTrue ? 'claimant' : 'challenger',
})

const orVoid = (game: Game, judge: () => Game): Game => {
  try {
    return judge()
  } catch (error) {
    if (error instanceof InvalidItem) return { ...game, outcome: 'void' }
    if (error instanceof MissingLeaf)
      refuse('opening-missing', 'openings', error.message, 'every leaf that is read')
    throw error
  }
}

const pointsOf = (node: Node): number => (node.kind === 'fold' ? size(node.box) : 0)

const hexOfWord = (word: number): Hex => `0x${(word >>> 0).toString(16).padStart(64, '0')}`

/** Word `index` of posted words, which are big-endian. */
export const wordAt = (words: Uint8Array, index: number): number =>
  new DataView(words.buffer, words.byteOffset).getUint32(4 * index)
