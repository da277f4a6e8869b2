import {
  encodeNode,
  type FoldNode,
  fail,
  isWordCoord,
  LEAF_BYTES,
  type Node,
  ok,
  type Program,
  type Read,
  type Ref,
  type Result,
  type TensorType,
  validateProgram,
  type WordRead,
} from '@lockstep/tensor'
import { joinsOf } from './item.ts'
import { isJudgedAtOnce } from './referee.ts'
import { scalarGas } from './scalar-gas.ts'
import { leafCount } from './tensor-tree.ts'
import { CUT, treeHeight } from './tree.ts'

/**
 * What the last move of a dispute about any element of a program can cost, known before anything runs: so that no
 * dispute can end in a transaction that is too dear to send. Bounds, not estimates: a test compares them with what the
 * contract takes.
 */

/** The most gas that a judgement may take as a transaction. */
export const LAST_STEP_GAS = 500_000

export type LastStep = {
  /** Gas of the transaction, at most. */
  readonly gas: number
  /** Bytes of its calldata, at most. */
  readonly bytes: number
  /** How many leaves it opens, at most. */
  readonly openings: number
}

// Gas of the parts, each with what the ABI and the referee spend on it. See the test for how tight they are.
const TRANSACTION = 21_000
/** Reading the dispute and its task, giving the verdict, and paying for it. */
const VERDICT = 95_000
/** Copying one byte of calldata to the referee, and counting it for its price. */
const BYTE = 5
const OPENING = 7_500
const SIBLING = 420
/** Parsing one byte of an item's encoding. */
const ENCODED_BYTE = 110
/** One coordinate of one read, with an affine form of a few terms. */
const COORDINATE = 2_500
const READ = 3_000

/** Calldata of an ABI word that holds a small number, of an offset or of a length: few of its bytes are not zero. */
const WORD = { bytes: 32, tokens: 4 * 4 + 28 }
const digests = (count: number) => ({ bytes: 32 * count, tokens: 32 * 4 * count })
const data = (bytes: number) => {
  const padded = Math.ceil(bytes / 32) * 32
  return { bytes: padded, tokens: 4 * bytes + (padded - bytes) }
}
type Calldata = { readonly bytes: number; readonly tokens: number }
const joined = (...parts: readonly Calldata[]): Calldata =>
  parts.reduce((a, b) => ({ bytes: a.bytes + b.bytes, tokens: a.tokens + b.tokens }))
const words = (count: number): Calldata => ({ bytes: count * WORD.bytes, tokens: count * WORD.tokens })

/** The dearest judgement of one item. */
export const lastStepOf = (program: Program, item: number): LastStep => {
  const node = program.nodes[item]
  return node ? judgedNode(program, node) : judgedJoin(program)
}

const itemCount = (program: Program): number => program.nodes.length + joinsOf(program).length

const judgedNode = (program: Program, node: Node): LastStep => {
  const leaves = leavesRead(program, node)
  const opened = leaves.map(({ type, above }) => {
    const siblings = treeHeight(leafCount(type)) + above
    return {
      siblings,
      calldata: joined(
        words(9), // offset, from, index, leaf, three offsets and three lengths, less the two that are data
        words(1),
        data(2 + 4 * type.shape.length),
        data(LEAF_BYTES),
        digests(siblings),
      ),
    }
  })
  const encoded = encodeNode(node).length
  // Posted words that come back, or the posted leaf.
  const posted = isJudgedAtOnce(node) ? LEAF_BYTES : 4 * postedWords(node)
  const calldata = joined(
    data(4),
    words(9), // number, index, offsets and lengths
    digests(1),
    data(posted),
    data(encoded),
    ...opened.map((one) => one.calldata),
  )
  const siblings = opened.reduce((sum, one) => sum + one.siblings, 0)
  const reads = [...node.reads, ...initRead(node)]
  const coordinates = reads.reduce((sum, read) => sum + coordinatesOf(read), 0) + guardCoordinates(node)
  const scalar =
    node.kind === 'map'
      ? scalarGas(node.program)
      : Math.max(scalarGas(node.step), node.order.kind === 'blocked' ? scalarGas(node.order.combine) : 0)
  const execution =
    VERDICT +
    BYTE * calldata.bytes +
    OPENING * opened.length +
    SIBLING * siblings +
    ENCODED_BYTE * encoded +
    READ * (reads.length + leaves.length) +
    COORDINATE * (coordinates + node.shape.length + (node.kind === 'fold' ? node.box.length : 0)) +
    scalar
  return { gas: transactionGas(calldata, execution), bytes: calldata.bytes, openings: opened.length }
}

const judgedJoin = (program: Program): LastStep => {
  const height = treeHeight(itemCount(program))
  const longest = Math.max(height, treeHeight(program.state.length) + 1, treeHeight(program.inputs.length))
  const siblings = Math.min(height, CUT) + height + 2 * longest
  const calldata = joined(data(4), words(14), digests(4 + siblings), data(7))
  const execution = VERDICT + BYTE * calldata.bytes + SIBLING * siblings + 20_000
  return { gas: transactionGas(calldata, execution), bytes: calldata.bytes, openings: 2 }
}

/** EIP-7623: calldata is paid for with the execution, or at its floor price, whichever is more. */
const transactionGas = (calldata: Calldata, execution: number): number =>
  TRANSACTION + Math.max(4 * calldata.tokens + execution, 10 * calldata.tokens)

/** The most words that come back with a judgement: those of one vector. */
const postedWords = (node: Node): number => {
  const points = (node as FoldNode).box.reduce((n, d) => n * d, 1)
  return node.kind === 'fold' && node.order.kind === 'blocked' && points > 256
    ? Math.max(256, 2 * Math.min(256, Math.ceil(points / 256)))
    : Math.min(256, points)
}

/** The leaves that one judgement reads, each with how many siblings lead from the tensor's digest to what is agreed. */
const leavesRead = (program: Program, node: Node): { type: TensorType; above: number }[] => {
  const items = treeHeight(itemCount(program))
  const above = {
    node: items,
    state: treeHeight(program.state.length) + 1,
    input: treeHeight(program.inputs.length),
  }
  const tensors = { node: program.nodes, state: program.state, input: program.inputs }
  const leaves: { type: TensorType; above: number }[] = []
  const whole = new Set<string>()
  const add = (ref: Ref): void => {
    const type = tensors[ref.from][ref.index]!
    // Two reads of a tensor of one leaf open it once.
    const key = `${ref.from} ${ref.index}`
    if (leafCount(type) === 1) {
      if (whole.has(key)) return
      whole.add(key)
    }
    leaves.push({ type, above: above[ref.from] })
  }
  const addRead = (read: Read): void => {
    for (const coord of read.coords) if (isWordCoord(coord)) add(coord.word.ref)
    add(read.ref)
  }
  node.reads.forEach(addRead)
  initRead(node).forEach(addRead)
  if (node.kind === 'fold') {
    for (const { word } of wordBounds(node)) add(word.ref)
    // A scan opens the leaf before, or reads its init: at most one more where it has no init to read.
    if (node.order.kind === 'scan' && leafCount(node) > 1 && initRead(node).length === 0) {
      leaves.push({ type: node, above: 0 })
    }
  }
  return leaves
}

const initRead = (node: Node): Read[] =>
  node.kind === 'fold' && typeof node.order.init !== 'number' ? [node.order.init] : []

const wordBounds = (node: FoldNode): { readonly word: WordRead }[] =>
  node.guards.flatMap(({ left, right }) => [left, right]).filter((bound) => 'word' in bound)

const coordinatesOf = (read: Read): number =>
  read.coords.reduce((sum, coord) => sum + (isWordCoord(coord) ? 1 + coord.word.coords.length : 1), 0)

const guardCoordinates = (node: Node): number =>
  node.kind === 'fold'
    ? node.guards.length * 2 + wordBounds(node).reduce((sum, { word }) => sum + word.coords.length, 0)
    : 0

/** The dearest last step of a program, and of which node. */
export const worstLastStep = (program: Program): LastStep & { readonly item: number } => {
  let worst = { ...judgedJoin(program), item: program.nodes.length }
  program.nodes.forEach((_, item) => {
    const step = lastStepOf(program, item)
    if (step.gas > worst.gas) worst = { ...step, item }
  })
  return worst
}

/** Whether a program may be a task: valid, and every dispute about it can be ended. */
export const validateTask = (program: Program): Result<Program> => {
  const valid = validateProgram(program)
  if (!valid.ok) return valid
  const { gas, bytes, openings, item } = worstLastStep(program)
  if (gas <= LAST_STEP_GAS) return ok(program)
  return fail({
    code: 'last-step-too-dear',
    field: `nodes[${item}]`,
    value: `${gas} gas (${openings} leaves opened, ${bytes} bytes)`,
    limit: `${LAST_STEP_GAS} gas for the last step of a dispute`,
    remedy:
      'Split the node: fewer reads and word reads, smaller tensors behind them, or a shorter scalar program.',
  })
}
