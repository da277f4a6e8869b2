import { ok, type Result } from '@lockstep/tensor'
import type { DisputeRecord } from './chain.ts'
import { type Digest, digestFromHex, fromHex } from './digest.ts'
import { type Game, openGame, playMove, playTimeout } from './game.ts'
import { parentDigest } from './hash.ts'
import type { Move } from './moves.ts'
import { type Tree, treeHeight } from './tree.ts'

/** Digests of one vector's tree that the claimant has posted, by height and position. */
export type PostedNodes = ReadonlyMap<string, Digest>

/** What the claimant has posted in the vectors that are still being argued about. */
export type Posted = {
  readonly history: PostedNodes
  readonly segment: PostedNodes
  readonly step: PostedNodes
  readonly tensor: PostedNodes
  /** The digests, leaf or words that the challenger has to answer. */
  readonly children: readonly Digest[]
  readonly leaf: Uint8Array
  readonly words: Uint8Array
}

export type Replayed = { readonly game: Game; readonly posted: Posted }

const NOTHING = new Uint8Array(0)

/** A dispute where nothing has been posted yet. */
export const replayFrom = (game: Game): Replayed => {
  const nodes = { history: new Map(), segment: new Map(), step: new Map(), tensor: new Map() }
  return { game, posted: { ...nodes, children: [], leaf: NOTHING, words: NOTHING } }
}

/** One move further. */
export const follow = ({ game, posted }: Replayed, move: Move, time: number): Result<Replayed> => {
  const next = playMove(game, move, time)
  return next.ok ? ok({ game: next.value, posted: withPost(posted, game, move) }) : next
}

/** Plays a recorded dispute again: where it stands, and what has been posted in it. */
export const replay = (record: DisputeRecord): Result<Replayed> => {
  const opened = openGame(record.terms, record.seed, record.openedAt, record.named)
  if (!opened.ok) return opened
  let replayed = replayFrom(opened.value)
  for (const { move, time } of record.moves) {
    const next = follow(replayed, move, time)
    if (!next.ok) return next
    replayed = next.value
  }
  if (record.decided !== undefined) {
    return ok({ ...replayed, game: { ...replayed.game, outcome: record.decided } })
  }
  if (record.timedOutAt === undefined) return ok(replayed)
  const over = playTimeout(replayed.game, record.timedOutAt)
  return over.ok ? ok({ ...replayed, game: over.value }) : over
}

/** What is known to be posted after a move that was made in `game`. */
const withPost = (posted: Posted, game: Game, move: Move): Posted => {
  switch (move.kind) {
    case 'postLeaf':
      return { ...posted, leaf: fromHex(move.data) ?? NOTHING }
    case 'postWords':
      return { ...posted, words: fromHex(move.words) ?? NOTHING }
    case 'postChildren': {
      const children = move.children.map(digestFromHex)
      const phase = game.phase as 'history' | 'segment' | 'step' | 'tensor'
      const nodes = new Map(posted[phase])
      addCut(nodes, children, game.height, game.position)
      return { ...posted, children, [phase]: nodes }
    }
    default:
      return posted
  }
}

/** All digests between a posted row and the digest above it, which stands at `height` and `position`. */
const addCut = (
  nodes: Map<string, Digest>,
  children: readonly Digest[],
  height: number,
  position: number,
): void => {
  let h = height - treeHeight(children.length)
  let row = children
  for (;;) {
    row.forEach((digest, i) => nodes.set(`${h} ${position * row.length + i}`, digest))
    if (row.length === 1) return
    const above = row
    row = Array.from({ length: above.length / 2 }, (_, i) => parentDigest(above[2 * i]!, above[2 * i + 1]!))
    h++
  }
}

/**
 * The claimant's tree as far as the challenger needs it: what was posted, and before the first difference, where both
 * agree, the challenger's own.
 */
export const claimedTree = (own: Tree, posted: PostedNodes): Pick<Tree, 'at' | 'height'> => ({
  height: own.height,
  at: (height, position) => posted.get(`${height} ${position}`) ?? own.at(height, position),
})
