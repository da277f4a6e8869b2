import {
  DTYPES,
  type Dtype,
  type FoldNode,
  f32Value,
  foldInit,
  INSTRUCTIONS,
  MEANINGS,
  type Node,
  outerRank,
  type Ref,
  type Register,
  readAt,
  type ScalarProgram,
  size,
  storeElement,
  unravel,
  type WordSource,
} from '@lockstep/tensor'
import { fromHex, toHex } from './digest.ts'
import { levelCounts, rangeBelow, rangeOfWord, runOver } from './fold-cut.ts'
import { type Game, wordAt } from './game.ts'
import type { Move, Opening } from './moves.ts'
import { storedBits, typeOfHeader, wordsOf } from './openings.ts'
import { elementsPerLeaf } from './tensor-tree.ts'
import { cutHeight } from './tree.ts'

/** The last step of a dispute as a person can follow it: the numbers that went in, every instruction, both results. */
export type Judgement = {
  /** What was computed, such as `node 12, element 7, term 3 of its fold`. */
  readonly what: string
  readonly operands: readonly string[]
  readonly instructions: readonly string[]
  readonly claimed: string
  readonly computed: string
}

type Judging = Extract<Move, { readonly kind: 'judgeJoin' | 'judgeElement' | 'judgeWord' }>
export const isJudging = (move: Move): move is Judging => move.kind.startsWith('judge')

/** What the referee computed when this move was judged in this position. */
export const judgementOf = (game: Game, move: Judging): Judgement => {
  if (move.kind === 'judgeJoin')
    return {
      what: `item ${placeNamed(game, move.index)}, the hash of two others`,
      operands: [move.left.digest, move.right.digest],
      instructions: ['sha256(01, left, right)'],
      claimed: move.digest,
      computed: 'another digest',
    }
  const { index, node, leaf } = game.node!
  const words = openedWords(move.openings)
  if (move.kind === 'judgeElement') {
    const element = leaf * elementsPerLeaf(node.dtype) + move.index
    const claimed = storedBits(node.dtype, fromHex(move.data)!, move.index)
    const source = withOwnLeaf(game, fromHex(move.data)!, words)
    return elementJudgement(node, index, element, claimed, source)
  }
  const { element } = game.node!
  const posted = fromHex(move.words)!
  const claimed = wordAt(posted, move.index)
  if (game.phase === 'combine' && move.index % 2 === 1)
    return combineJudgement(node as FoldNode, index, element, posted, move.index, claimed)
  const [k, acc] = termOf(game, move.index, posted)
  return stepJudgement(node as FoldNode, index, element, k, acc, claimed, words)
}

/** The place in a vector of the digest that is named among those last posted. */
export const placeNamed = ({ position, height }: Game, index: number): number =>
  position * 2 ** cutHeight(height) + index

/** Which term of its fold a judged word follows from, and the accumulator before it. */
const termOf = (game: Game, word: number, posted: Uint8Array): [k: number, acc: number | undefined] => {
  const { fold, position, height, node } = game
  if (game.phase === 'run') {
    const range = rangeOfWord(runOver({ from: position, to: fold!.to }), word)
    return [range.from, word > 0 ? wordAt(posted, word - 1) : fold!.acc]
  }
  const counts = levelCounts(size((node!.node as FoldNode).box))
  const index = rangeBelow(counts, { level: height, index: position }).from + word / 2
  return [rangeBelow(counts, { level: height - 1, index }).from, undefined]
}

const elementJudgement = (
  node: Node,
  index: number,
  element: number,
  claimed: number,
  source: WordSource,
): Judgement => {
  if (node.kind === 'fold') {
    const isScan = node.order.kind === 'scan'
    const k = isScan ? element % size(node.box) : 0
    const own = () => source({ from: 'node', index }, node.dtype, element - 1)
    const acc = isScan && k > 0 ? own() : undefined
    return stepJudgement(node, index, element, k, acc, claimed, source)
  }
  const point: number[] = []
  unravel(element, node.shape, point)
  const args = node.reads.map((read) => readAt(read, point, source))
  return judgement(`node ${index}, element ${element}`, node.program, args, point, claimed, node.dtype, true)
}

const stepJudgement = (
  node: FoldNode,
  index: number,
  element: number,
  k: number,
  acc: number | undefined,
  claimed: number,
  source: WordSource,
): Judgement => {
  const isScan = node.order.kind === 'scan'
  const point: number[] = []
  unravel(element, node.shape, point)
  const out = isScan ? point.slice(0, outerRank(node)) : point.slice()
  if (!isScan) unravel(k, node.box, point, node.shape.length)
  const before = acc ?? foldInit(node, out, source)
  const args = [before, ...node.reads.map((read) => readAt(read, point, source))]
  const what = `node ${index}, element ${element}, term ${k} of its fold`
  return judgement(what, node.step, args, point, claimed, node.dtype, isScan)
}

const combineJudgement = (
  node: FoldNode,
  index: number,
  element: number,
  posted: Uint8Array,
  word: number,
  claimed: number,
): Judgement => {
  const { order } = node
  if (order.kind !== 'blocked') throw new Error(`node ${index} has no blocks`)
  const acc = word > 1 ? wordAt(posted, word - 2) : order.init
  const what = `node ${index}, element ${element}, block ${(word - 1) / 2} of its fold`
  return judgement(what, order.combine, [acc, wordAt(posted, word - 1)], [], claimed, node.dtype, false)
}

/** Runs a scalar program and writes down every value on the way. */
const judgement = (
  what: string,
  program: ScalarProgram,
  args: readonly number[],
  point: readonly number[],
  claimed: number,
  dtype: Dtype,
  isStored: boolean,
): Judgement => {
  const values = [...args]
  const registers: Register[] = [...program.args]
  const instructions: string[] = []
  for (const instruction of program.code) {
    const { gives } = INSTRUCTIONS[instruction.op]
    let value: number
    let operands: string
    if ('immediate' in instruction) {
      const { op, immediate } = instruction
      value = op === 'index' ? point[immediate]! : MEANINGS[op](immediate, 0, 0)
      operands = op === 'index' ? String(immediate) : ''
    } else {
      const [a = 0, b = 0, c = 0] = instruction.args.map((i) => values[i]!)
      value = MEANINGS[instruction.op](a, b, c)
      operands = instruction.args.map((i) => `v${i}`).join(', ')
    }
    registers.push(gives === 'x' ? registers['args' in instruction ? instruction.args[1]! : 0]! : gives)
    values.push(value)
    const place = values.length - 1
    instructions.push(`v${place} = ${instruction.op}(${operands}) = ${shown(value, registers[place]!)}`)
  }
  const result = values[program.result]!
  const register = DTYPES[dtype].register
  const computed = isStored ? storedWord(dtype, result) : result
  return {
    what,
    operands: args.map((value, i) => `v${i} = ${shown(value, program.args[i]!)}`),
    instructions,
    claimed: isStored ? stored(dtype, claimed) : shown(claimed, register),
    computed: isStored ? stored(dtype, computed) : shown(computed, register),
  }
}

const storedWord = (dtype: Dtype, word: number): number => {
  const data = new Uint8Array(DTYPES[dtype].bytes)
  storeElement(dtype, data, 0, word)
  return storedBits(dtype, data, 0)
}

/** A word in a register: its bits, and the number that they stand for. */
const shown = (word: number, register: Register): string => {
  const bits = `0x${(word >>> 0).toString(16).padStart(8, '0')}`
  if (register === 'u') return `${word >>> 0}`
  const value = f32Value(word)
  return `${Object.is(value, -0) ? '-0' : value.toPrecision(9)} (${bits})`
}

/** An element as it is stored. */
const stored = (dtype: Dtype, bits: number): string =>
  dtype === 'f32' || dtype === 'u32'
    ? shown(bits, DTYPES[dtype].register)
    : `${toHex(Uint8Array.of(...(DTYPES[dtype].bytes === 2 ? [bits >> 8, bits & 255] : [bits])))} as ${dtype}`

/** Words of opened leaves, which the chain has checked. */
const openedWords = (openings: readonly Opening[]): WordSource => {
  const openedAt = (ref: Ref, leaf: number) => {
    const opening = openings.find((o) => o.from === ref.from && o.index === ref.index && o.leaf === leaf)
    const type = opening && typeOfHeader(opening.header)
    const data = opening && fromHex(opening.data)
    return type && data ? { type, data } : undefined
  }
  const words = wordsOf(openedAt)
  return (ref, dtype, position) => {
    const opened = openedAt(ref, Math.floor(position / elementsPerLeaf(dtype)))
    return words(ref, dtype, opened ? size(opened.type.shape) : 0, position)
  }
}

/** A scan's earlier elements of the posted leaf itself. */
const withOwnLeaf = ({ node }: Game, posted: Uint8Array, words: WordSource): WordSource => {
  const { index, leaf } = node!
  return (ref, dtype, position) => {
    const inLeaf = position - leaf * elementsPerLeaf(dtype)
    return ref.from === 'node' && ref.index === index && inLeaf >= 0
      ? storedBits(dtype, posted, inLeaf)
      : words(ref, dtype, position)
  }
}
