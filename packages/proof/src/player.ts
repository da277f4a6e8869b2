import { DTYPES, type FoldNode, type Result, size } from '@lockstep/tensor'
import type { Chain, DisputeRecord } from './chain.ts'
import { isOver } from './clock.ts'
import { sameBytes, toHex, ZERO_HEX } from './digest.ts'
import { levelCounts, type Range, rangeBelow, rangeOfWord, runOver } from './fold-cut.ts'
import {
  type Game,
  isFirstPost,
  type Outcome,
  type SegmentNamed,
  vectorCount,
  withOwnLeaf,
  wordAt,
} from './game.ts'
import { decodeJoin } from './item.ts'
import type { Move, Side } from './moves.ts'
import { openingsFor, openJoinSide, type Witness } from './opening-set.ts'
import type { CommittedProgram } from './program-id.ts'
import { isJudgedAtOnce, type Judged, refereeElement, refereeStep } from './referee.ts'
import { claimedTree, type Replayed, replay } from './replay.ts'
import { elementsPerLeaf } from './tensor-tree.ts'
import type { ElementPlace, TraceSource } from './trace-source.ts'
import { cutHeight, cutOf, pathOf, type Tree, widthAt } from './tree.ts'

/**
 * Plays either side of a dispute out of a trace source. A claimant says what its source says; a challenger names the
 * first thing that differs from its source. Whether a source is honest is its own affair.
 */
export type Player = {
  readonly side: Side
  readonly committed: CommittedProgram
  readonly source: TraceSource
}

/** The move to make where it is this side's turn; undefined where it has none, as a liar that is at its end. */
export const nextMove = async (player: Player, { game, posted }: Replayed): Promise<Move | undefined> => {
  if (game.outcome !== 'open' || game.turn !== player.side) return undefined
  return player.side === 'claimant'
    ? claimantMove(game, player.source)
    : challengerMove({ ...player, game, posted })
}

export type TableOptions = {
  readonly side: Side
  readonly chain: Chain
  readonly dispute: number
  /** The chain's time, in seconds. */
  readonly now: () => number
  /** Comes back when the dispute may have changed, or at this time at the latest. */
  readonly wait: (until: number) => Promise<void>
  /** Told of moves that the chain refused. */
  readonly refused?: (move: Move, result: Result<void>) => void
}
export type PlayOptions = Player & TableOptions

/** Plays a dispute to its end: moves when it can, waits when it must, and calls a timeout that it is owed. */
export const play = (options: PlayOptions): Promise<Outcome> =>
  playBy(options, (_, replayed) => nextMove(options, replayed))

/** The same with moves that come from elsewhere: what to play in this record, undefined where there is nothing. */
export const playBy = async (options: TableOptions, next: NextMove): Promise<Outcome> => {
  for (;;) {
    const turn = await playTurn(options, next)
    if (turn.outcome !== 'open') return turn.outcome
    if (!turn.acted) await options.wait(turn.until)
  }
}

export type NextMove = (record: DisputeRecord, replayed: Replayed) => Promise<Move | undefined>

/** What came of one look at a dispute: it is over, something was done, or nothing can be done before a time. */
export type TurnPlayed =
  | { readonly outcome: Exclude<Outcome, 'open'> }
  | { readonly outcome: 'open'; readonly acted: true }
  | { readonly outcome: 'open'; readonly acted: false; readonly until: number }

/** Looks at a dispute once: moves where it is this side's turn, calls a timeout that it is owed, and waits for nothing. */
export const playTurn = async (
  { chain, dispute, now, side, refused }: Omit<TableOptions, 'wait'>,
  next: NextMove,
): Promise<TurnPlayed> => {
  const record = await chain.record(dispute)
  const replayed = replay(record)
  if (!replayed.ok) throw new Error(`the record of dispute ${dispute} cannot be played again`)
  const { game } = replayed.value
  if (game.outcome !== 'open') return { outcome: game.outcome }
  const late = isOver(game.clock, now())
  const after = { outcome: 'open', acted: false, until: game.clock.deadline + 1 } as const
  if (game.turn !== side) {
    if (!late) return after
    // Where the chain's clock is behind this one, it is asked again a little later.
    if (!(await chain.timeout(dispute)).ok) return { ...after, until: now() + 1 }
    return { outcome: 'open', acted: true }
  }
  const move = late ? undefined : await next(record, replayed.value)
  const result = move && (await chain.submit(dispute, move))
  if (result?.ok) return { outcome: 'open', acted: true }
  if (move && result) refused?.(move, result)
  return after
}

/** The first segment where a claim leaves the challenger's history, opened against the claim; undefined where none does. */
export const nameSegment = (claimed: Tree, own: Tree): SegmentNamed | undefined => {
  for (let segment = 0; segment < claimed.count; segment++) {
    if (sameBytes(claimed.at(0, segment), own.at(0, segment))) continue
    const path = (position: number) => pathOf(claimed, position, 0, claimed.height).map(toHex)
    return {
      segment,
      checkpoint: toHex(claimed.at(0, segment)),
      checkpointPath: path(segment),
      predecessor: segment > 0 ? toHex(claimed.at(0, segment - 1)) : ZERO_HEX,
      predecessorPath: segment > 0 ? path(segment - 1) : [],
    }
  }
  return undefined
}

const vectorOf = (game: Game, source: TraceSource): Promise<Tree> => {
  switch (game.phase) {
    case 'history':
      return source.checkpoints()
    case 'segment':
      return source.segment(game.segment)
    case 'step':
      return source.step(game.step)
    default:
      return source.leaves(game.step, { from: 'node', index: game.node!.index })
  }
}

const placeOf = ({ step, node }: Game): ElementPlace => ({ step, node: node!.index, element: node!.element })

const wordsOfVector = (game: Game, source: TraceSource): Promise<Uint32Array> => {
  const { phase, position, height, fold } = game
  return phase === 'combine'
    ? source.combine(placeOf(game), { level: height, index: position })
    : source.run(placeOf(game), runOver({ from: position, to: fold!.to }), fold!.acc)
}

const claimantMove = async (game: Game, source: TraceSource): Promise<Move> => {
  const { at, phase, height, position } = game
  if (phase === 'leaf') {
    const ref = { from: 'node', index: game.node!.index } as const
    return { kind: 'postLeaf', at, data: toHex(await source.leaf(game.step, ref, game.node!.leaf)) }
  }
  if (phase === 'combine' || phase === 'run') {
    return { kind: 'postWords', at, words: toHex(bigEndian(await wordsOfVector(game, source))) }
  }
  const tree = await vectorOf(game, source)
  const tied = isFirstPost(game) && phase !== 'tensor'
  return {
    kind: 'postChildren',
    at,
    children: cutOf(tree, height, position).map(toHex),
    lastPath: tied ? pathOf(tree, tree.count - 1, 0, tree.height).map(toHex) : [],
  }
}

const challengerMove = (witness: Witness): Promise<Move | undefined> => {
  const { phase } = witness.game
  if (phase === 'leaf') return answerLeaf(witness)
  return phase === 'combine' || phase === 'run' ? answerWords(witness) : answerChildren(witness)
}

const answerChildren = async (witness: Witness): Promise<Move | undefined> => {
  const { game, source, posted, committed } = witness
  const { at, height, phase } = game
  const own = await vectorOf(game, source)
  const a = cutHeight(height)
  const first = game.position * 2 ** a
  const width = Math.min(2 ** a, widthAt(vectorCount(game), height - a) - first)
  const index = firstDifference(width, (i) => sameBytes(posted.children[i]!, own.at(height - a, first + i)))
  if (index === undefined) return undefined
  const digest = toHex(posted.children[index]!)
  const tree = claimedTree(own, posted[phase as 'history' | 'segment' | 'step' | 'tensor'])
  const child = { at, index, digest, siblings: pathOf(tree, first + index, height - a, height).map(toHex) }
  const position = first + index
  if (height > a || phase === 'tensor') return { kind: 'nameChild', ...child }
  if (phase !== 'step') return { kind: 'nameItem', ...child, ...predecessorOf(tree, own.height, position) }
  const encoding = committed.encodings[position]!
  const shown = {
    encoding: toHex(encoding),
    encodingPath: pathOf(committed.items, position, 0, committed.items.height).map(toHex),
  }
  if (position < committed.header.nodes) return { kind: 'nameNode', ...child, ...shown }
  const join = decodeJoin(encoding)
  const [left, right] = [await openJoinSide(witness, join.left), await openJoinSide(witness, join.right)]
  return { kind: 'judgeJoin', ...child, ...shown, left, right }
}

const predecessorOf = (tree: Pick<Tree, 'at'>, height: number, position: number) =>
  position > 0
    ? {
        predecessor: toHex(tree.at(0, position - 1)),
        predecessorPath: pathOf(tree, position - 1, 0, height).map(toHex),
      }
    : { predecessor: ZERO_HEX, predecessorPath: [] }

const answerLeaf = async (witness: Witness): Promise<Move | undefined> => {
  const { game, source, posted, committed } = witness
  const named = game.node!
  const { dtype } = named.node
  const { bytes } = DTYPES[dtype]
  const own = await source.leaf(game.step, { from: 'node', index: named.index }, named.leaf)
  const byte = firstDifference(posted.leaf.length, (i) => posted.leaf[i] === own[i])
  if (byte === undefined) return undefined
  const index = Math.floor(byte / bytes)
  const answer = { at: game.at, index, data: toHex(posted.leaf) }
  if (!isJudgedAtOnce(named.node)) return { kind: 'nameElement', ...answer }
  const element = named.leaf * elementsPerLeaf(dtype) + index
  const openings = await openingsFor(witness, (words) =>
    refereeElement(judgedOf(witness), element, withOwnLeaf(named, posted.leaf, words)),
  )
  return { kind: 'judgeElement', ...answer, encoding: toHex(committed.encodings[named.index]!), openings }
}

const answerWords = async (witness: Witness): Promise<Move | undefined> => {
  const { game, source, posted, committed } = witness
  const named = game.node!
  const node = named.node as FoldNode
  const own = await wordsOfVector(game, source)
  const index = firstDifference(own.length, (i) => wordAt(posted.words, i) === own[i])
  if (index === undefined) return undefined
  const answer = { at: game.at, index, words: toHex(posted.words) }
  const judged = { ...answer, kind: 'judgeWord', encoding: toHex(committed.encodings[named.index]!) } as const
  let acc: number | undefined
  let range: Range
  if (game.phase === 'run') {
    range = rangeOfWord(runOver({ from: game.position, to: game.fold!.to }), index)
    acc = index > 0 ? wordAt(posted.words, index - 1) : game.fold!.acc
  } else {
    if (index % 2 === 1) return { ...judged, openings: [] }
    const level = game.height - 1
    const counts = levelCounts(size(node.box))
    const at = rangeBelow(counts, { level: game.height, index: game.position }).from + index / 2
    range = rangeBelow(counts, { level, index: at })
    if (level > 1) return { kind: 'nameWord', ...answer }
  }
  if (range.to - range.from > 1) return { kind: 'nameWord', ...answer }
  const openings = await openingsFor(witness, (words) =>
    refereeStep({ ...judgedOf(witness), node }, named.element, range.from, acc, words),
  )
  return { ...judged, openings }
}

const judgedOf = ({ game, committed }: Witness): Judged => {
  const { node, index } = game.node!
  return { node, item: index, header: committed.header }
}

const firstDifference = (count: number, same: (i: number) => boolean): number | undefined => {
  for (let i = 0; i < count; i++) if (!same(i)) return i
  return undefined
}

const bigEndian = (words: Uint32Array): Uint8Array => {
  const bytes = new Uint8Array(4 * words.length)
  const view = new DataView(bytes.buffer)
  words.forEach((word, i) => view.setUint32(4 * i, word))
  return bytes
}
