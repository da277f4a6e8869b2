import { LEAF_BYTES, LIMITS } from '@lockstep/tensor'
import type { JoinOpening, Move, MoveKind, Opening } from './moves.ts'
import { hex, integer, list, literal, object, type Schema } from './schema.ts'
import { CUT } from './tree.ts'

const digest = hex(32)
const path = list(digest, 64)
const index = integer(0, 2 ** 31)
const child = { at: digest, index, digest, siblings: list(digest, CUT) }
const shown = { encoding: hex({ most: LIMITS.nodeBytes }), encodingPath: path }
const leaf = hex({ most: LEAF_BYTES })
/** Two words for each of 256 block results. */
const words = hex({ most: 2048 })

const opening: Schema<Opening> = object({
  from: literal('node', 'state', 'input'),
  index: integer(0, 65535),
  leaf: index,
  header: hex({ most: 2 + 4 * LIMITS.rank }),
  data: leaf,
  path,
})
const openings = list(opening, 64)
const joinOpening: Schema<JoinOpening> = object({ digest, path })

/** What each move is made of. A move that is left out does not compile. */
const MOVES: { readonly [K in MoveKind]: Schema<Omit<Extract<Move, { readonly kind: K }>, 'kind'>> } = {
  postChildren: object({ at: digest, children: list(digest, 2 ** CUT), lastPath: path }),
  postLeaf: object({ at: digest, data: leaf }),
  postWords: object({ at: digest, words }),
  nameChild: object(child),
  nameItem: object({ ...child, predecessor: digest, predecessorPath: path }),
  nameNode: object({ ...child, ...shown }),
  judgeJoin: object({ ...child, ...shown, left: joinOpening, right: joinOpening }),
  nameElement: object({ at: digest, index, data: leaf }),
  judgeElement: object({ at: digest, index, data: leaf, encoding: shown.encoding, openings }),
  nameWord: object({ at: digest, index, words }),
  judgeWord: object({ at: digest, index, words, encoding: shown.encoding, openings }),
}

export const move: Schema<Move> = (value, field) => {
  const { kind, ...rest } = (value ?? {}) as { readonly kind?: unknown }
  const known = literal(...(Object.keys(MOVES) as MoveKind[]))(kind, `${field}.kind`)
  return { kind: known, ...MOVES[known](rest, field) } as Move
}
