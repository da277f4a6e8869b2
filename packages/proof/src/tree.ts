import { type Digest, sameBytes, ZERO } from './digest.ts'
import { parentDigest, parentDigests } from './hash.ts'

/** How many levels a posted cut goes down: 2^5 digests a move. */
export const CUT = 5

/** ceil(log2 count): the height of the tree over `count` digests. */
export const treeHeight = (count: number): number => {
  const last = count - 1
  if (last >= 2 ** 32) return 32 + treeHeight(Math.floor(last / 2 ** 32) + 1)
  return last <= 0 ? 0 : 32 - Math.clz32(last)
}

/** How many nodes of a tree over `count` digests are not wholly past its end, at one height above the leaves. */
export const widthAt = (count: number, height: number): number => Math.ceil(count / 2 ** height)

/** How many levels a cut of the digest at `height` goes down. */
export const cutHeight = (height: number): number => Math.min(height, CUT)

/**
 * A vector of digests with every level of the tree over it. Heights count from the leaves (0) up; places past the
 * end of a level are zero. Digests are packed: a vector of n takes 64 n bytes.
 */
export type Tree = {
  readonly count: number
  readonly height: number
  /** The digest at `height` and `position`; zero past the end. */
  readonly at: (height: number, position: number) => Digest
}

export const treeOf = (digests: readonly Digest[]): Tree => {
  const packed = new Uint8Array(32 * digests.length)
  digests.forEach((digest, i) => packed.set(digest, 32 * i))
  return treeOfPacked(packed)
}

/** The tree over digests that lie one behind the other. */
export const treeOfPacked = (leaves: Uint8Array): Tree => {
  const count = leaves.length / 32
  const height = treeHeight(count)
  const levels = [leaves]
  for (let h = 1; h <= height; h++) levels.push(parentDigests(levels[h - 1]!))
  const at = (h: number, position: number): Digest => {
    const level = levels[h]
    return level !== undefined && 32 * position < level.length
      ? level.subarray(32 * position, 32 * position + 32)
      : ZERO
  }
  return { count, height, at }
}

export const rootOf = (tree: Tree): Digest => tree.at(tree.height, 0)

/** The siblings of the digest at `height` and `position` on the way up to height `top`, lowest first. */
export const pathOf = (tree: Pick<Tree, 'at'>, position: number, height: number, top: number): Digest[] => {
  const path: Digest[] = []
  for (let h = height; h < top; h++) path.push(tree.at(h, sibling(Math.floor(position / 2 ** (h - height)))))
  return path
}

const sibling = (position: number): number => (position % 2 === 0 ? position + 1 : position - 1)

/** The digest that `digest` at `position` has above it after hashing with the siblings of `path`. */
export const climb = (digest: Digest, position: number, path: readonly Digest[]): Digest => {
  let at = position
  let value = digest
  for (const other of path) {
    value = at % 2 === 0 ? parentDigest(value, other) : parentDigest(other, value)
    at = Math.floor(at / 2)
  }
  return value
}

/** Whether `digest` is item `position` of the vector of `count` with this root. */
export const isItem = (
  root: Digest,
  count: number,
  position: number,
  digest: Digest,
  path: readonly Digest[],
): boolean =>
  position < count && path.length === treeHeight(count) && sameBytes(climb(digest, position, path), root)

/** The digests of a cut: those `cutHeight(height)` levels below the digest at `height` and `position`. */
export const cutOf = (tree: Pick<Tree, 'at'>, height: number, position: number): Digest[] => {
  const a = cutHeight(height)
  return Array.from({ length: 2 ** a }, (_, i) => tree.at(height - a, position * 2 ** a + i))
}

/** The digest above a full row of digests, which are a power of two. */
export const rootOfCut = (cut: readonly Digest[]): Digest => {
  let row = cut
  while (row.length > 1) {
    row = Array.from({ length: row.length / 2 }, (_, i) => parentDigest(row[2 * i]!, row[2 * i + 1]!))
  }
  return row[0]!
}
