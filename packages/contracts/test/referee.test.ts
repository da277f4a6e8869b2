import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  type Agreed,
  type AgreedWords,
  decodeNodeItem,
  type Game,
  isJudgedAtOnce,
  MissingLeaf,
  type Opening,
  openWords,
  refereeElement,
  refereeStep,
  rootOf,
  runRemembering,
  stepItem,
  toHex,
  ZERO_HEX,
} from '@lockstep/proof'
import { FaultError, type FoldNode, type Node, referenceExecutor, size } from '@lockstep/tensor'
import { openingsFor } from '../../proof/src/opening-set.ts'
import { InvalidItem } from '../../proof/src/refusal.ts'
import { replayFrom } from '../../proof/src/replay.ts'
import { NODES, tinyTask } from '../../proof/test/tiny-task.ts'
import { startStage } from './dispute-stage.ts'
import { moveArguments } from './move-arguments.ts'

/** referee.ts and Referee.sol asked the same, of items as they are and of items with a byte changed. */

const nightly = process.env.LOCKSTEP_NIGHTLY === '1'
const stage = await startStage()
after(() => stage.chain.stop())
const task = tinyTask()
const { committed } = task
const { header } = committed
const { trace } = await runRemembering(task, referenceExecutor)
const STEP = 2
const items = await trace.step(STEP)
const found = await trace.found(STEP)
const inputs = await trace.inputs()

let seed = 7
const draw = (below: number): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return Math.floor((seed / 2 ** 32) * below)
}

type Place = {
  readonly item: number
  readonly encoding: `0x${string}`
  readonly element: number
  readonly k: number
}

const agreedFor = (item: number, leaf: number): Agreed => ({
  header,
  item: toHex(stepItem(rootOf(found.states), found.outputsRoot)),
  inputsRoot: toHex(rootOf(inputs)),
  stepRoot: toHex(rootOf(items)),
  disputedItem: item,
  own: { digest: toHex(items.at(0, item)), leaf },
})

/** What referee.ts says, with the openings that it asked for. */
const here = async (
  node: Node,
  { item, element, k }: Place,
): Promise<{ openings: Opening[]; value: number | undefined }> => {
  const judge = (words: AgreedWords): number =>
    isJudgedAtOnce(node)
      ? refereeElement({ node, item, header }, element, words)
      : refereeStep(
          { node: node as FoldNode, item, header },
          element,
          k,
          k > 0 ? 0x3f800000 : undefined,
          words,
        )
  const game = { step: STEP, node: { index: item } } as Game
  const { posted } = replayFrom(game)
  const openings = await openingsFor({ committed, source: trace, game, posted }, judge)
  try {
    return { openings, value: judge(openWords(openings, agreedFor(item, Math.floor(element / 64)))) }
  } catch (error) {
    if (error instanceof InvalidItem) return { openings, value: undefined }
    throw error
  }
}

/** What Referee.sol says. */
const there = (node: Node, { item, encoding, element, k }: Place, openings: readonly Opening[]) => {
  const { item: previous, inputsRoot, stepRoot, own } = agreedFor(item, Math.floor(element / 64))
  const isScan = node.kind === 'fold' && node.order.kind === 'scan'
  const agreed = {
    vector: stepRoot,
    previous,
    inputs: inputsRoot,
    own: isScan ? own!.digest : ZERO_HEX,
    leaf: own!.leaf,
    item,
    items: header.items,
    states: header.states,
    inputCount: header.inputs,
  }
  const [, , , opened] = moveArguments({
    kind: 'judgeElement',
    at: ZERO_HEX,
    index: 0,
    data: '0x',
    encoding,
    openings,
  })
  return isJudgedAtOnce(node)
    ? stage.ask('judgeElement', agreed, encoding, BigInt(element), '0x', opened)
    : stage.ask('judgeStep', agreed, encoding, BigInt(element), BigInt(k), k > 0 ? 0x3f800000n : 0n, opened)
}

const placeIn = (node: Node, item: number, encoding: `0x${string}`): Place => {
  const element = draw(size(node.shape))
  // A scan's own earlier element is opened here, so it has to be in the leaf before.
  const isScan = node.kind === 'fold' && node.order.kind === 'scan'
  const points = node.kind === 'fold' ? size(node.box) : 1
  const place = isScan ? 64 * draw(Math.ceil(size(node.shape) / 64)) : element
  const k = points > 1 ? draw(points) : 0
  const isBlockStart = node.kind === 'fold' && node.order.kind === 'blocked' && k % 256 === 0
  return { item, encoding, element: place, k: isBlockStart ? 0 : k }
}

test('both referees give the same words for every kind of item', async () => {
  for (let item = 0; item < NODES.length; item++) {
    const encoding = toHex(committed.encodings[item]!)
    const node = decodeNodeItem(encoding, item)
    for (let i = 0; i < (nightly ? 40 : 5); i++) {
      const place = placeIn(node, item, encoding)
      const { openings, value } = await here(node, place)
      const answer = await there(node, place, openings)
      assert.equal(answer.error, '', `${NODES[item]} ${JSON.stringify(place)}`)
      assert.equal(Number(answer.value), value, `${NODES[item]} ${JSON.stringify(place)}`)
    }
  }
})

test('items with a byte changed: what one referee computes the other computes, and neither breaks', async () => {
  let computed = 0
  let invalid = 0
  for (let i = 0; i < (nightly ? 3000 : 300); i++) {
    const item = draw(NODES.length)
    const bytes = committed.encodings[item]!.slice()
    bytes[draw(bytes.length)]! ^= 1 << draw(8)
    const encoding = toHex(bytes)
    let node: Node
    try {
      node = decodeNodeItem(encoding, item)
    } catch (error) {
      assert.ok(error instanceof InvalidItem, String(error))
      invalid++
      continue
    }
    const place = placeIn(node, item, encoding)
    try {
      const { openings, value } = await here(node, place)
      const answer = await there(node, place, openings)
      const what = `${NODES[item]} ${JSON.stringify(place)}: ${answer.error}`
      if (value === undefined) assert.match(answer.error, /InvalidProgram|ScalarMalformed/, what)
      else if (!answer.error.startsWith('OpeningMismatch')) assert.equal(Number(answer.value), value, what)
      computed++
    } catch (error) {
      // A read of another type than its source's, or past its end, cannot be opened.
      if (!(error instanceof FaultError) && !(error instanceof MissingLeaf)) throw error
    }
  }
  assert.ok(computed > 20 && invalid > 20, `${computed} computed, ${invalid} invalid`)
})
