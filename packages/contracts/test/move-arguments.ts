import type { Move, Opening } from '@lockstep/proof'

const FROM = ['node', 'state', 'input'] as const

const opening = ({ from, ...rest }: Opening) => ({ from: FROM.indexOf(from), ...rest })

/** What a move's function takes after the dispute's number and `at`. */
export const moveArguments = (move: Move): readonly unknown[] => {
  switch (move.kind) {
    case 'postChildren':
      return [move.children, move.lastPath]
    case 'postLeaf':
      return [move.data]
    case 'postWords':
      return [move.words]
    case 'nameChild':
      return [BigInt(move.index), move.digest, move.siblings]
    case 'nameItem':
      return [BigInt(move.index), move.digest, move.siblings, move.predecessor, move.predecessorPath]
    case 'nameNode':
      return [BigInt(move.index), move.digest, move.siblings, move.encoding, move.encodingPath]
    case 'judgeJoin':
      return [
        BigInt(move.index),
        move.digest,
        move.siblings,
        move.encoding,
        move.encodingPath,
        move.left,
        move.right,
      ]
    case 'nameElement':
      return [BigInt(move.index), move.data]
    case 'judgeElement':
      return [BigInt(move.index), move.data, move.encoding, move.openings.map(opening)]
    case 'nameWord':
      return [BigInt(move.index), move.words]
    case 'judgeWord':
      return [BigInt(move.index), move.words, move.encoding, move.openings.map(opening)]
  }
}
