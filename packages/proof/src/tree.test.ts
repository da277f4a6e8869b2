import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Digest, isZero, sameBytes, ZERO } from './digest.ts'
import { leafDigest, parentDigest } from './hash.ts'
import {
  climb,
  cutHeight,
  cutOf,
  isItem,
  pathOf,
  rootOf,
  rootOfCut,
  treeHeight,
  treeOf,
  widthAt,
} from './tree.ts'

const leaf = (i: number): Digest => leafDigest(new Uint8Array([i & 255, i >> 8]))
const vector = fc.integer({ min: 1, max: 200 }).map((n) => Array.from({ length: n }, (_, i) => leaf(i)))
const placed = vector.chain((digests) =>
  fc.integer({ min: 0, max: digests.length - 1 }).map((position) => ({ digests, position })),
)

test('no digests have a zero root, one is its own, two are hashed', () => {
  assert.ok(isZero(rootOf(treeOf([]))))
  assert.deepEqual(rootOf(treeOf([leaf(1)])), leaf(1))
  assert.deepEqual(rootOf(treeOf([leaf(1), leaf(2)])), parentDigest(leaf(1), leaf(2)))
  assert.deepEqual(
    rootOf(treeOf([leaf(1), leaf(2), leaf(3)])),
    parentDigest(parentDigest(leaf(1), leaf(2)), parentDigest(leaf(3), ZERO)),
  )
})

test('a tree is as high as the least power of two that holds its digests', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (n) => {
      const height = treeHeight(n)
      assert.ok(2 ** height >= n && (height === 0 || 2 ** (height - 1) < n))
      assert.equal(widthAt(n, height), 1)
    }),
  )
})

test('every digest is proved by its path, and by no other place, digest or path', () => {
  fc.assert(
    fc.property(placed, fc.nat(), ({ digests, position }, other) => {
      const tree = treeOf(digests)
      const { length } = digests
      const path = pathOf(tree, position, 0, tree.height)
      assert.ok(isItem(rootOf(tree), length, position, digests[position]!, path))
      assert.ok(!isItem(rootOf(tree), length, position, leaf(60000), path))
      const elsewhere = other % length
      assert.equal(isItem(rootOf(tree), length, elsewhere, digests[position]!, path), elsewhere === position)
      if (path.length === 0) return
      const bent = path.map((digest, i) => (i === other % path.length ? leaf(60001) : digest))
      assert.ok(!isItem(rootOf(tree), length, position, digests[position]!, bent))
      assert.ok(!isItem(rootOf(tree), length, position, digests[position]!, path.slice(1)))
      assert.ok(!isItem(rootOf(tree), length, position, digests[position]!, [...path, ZERO]))
    }),
  )
})

test('digests past the end are zero and change the root when they are not', () => {
  fc.assert(
    fc.property(vector, (digests) => {
      const tree = treeOf(digests)
      assert.ok(isZero(tree.at(0, digests.length)))
      assert.ok(!sameBytes(rootOf(treeOf([...digests, leaf(60002)])), rootOf(tree)))
    }),
  )
})

test('cuts lead from the root to every digest', () => {
  fc.assert(
    fc.property(placed, ({ digests, position }) => {
      const tree = treeOf(digests)
      let height = tree.height
      let digest = rootOf(tree)
      while (height > 0) {
        const a = cutHeight(height)
        const above = Math.floor(position / 2 ** height)
        const cut = cutOf(tree, height, above)
        assert.deepEqual(rootOfCut(cut), digest)
        const index = Math.floor(position / 2 ** (height - a)) - above * 2 ** a
        const siblings = pathOf(tree, above * 2 ** a + index, height - a, height)
        assert.deepEqual(climb(cut[index]!, index, siblings), digest)
        digest = cut[index]!
        height -= a
      }
      assert.deepEqual(digest, digests[position])
    }),
  )
})

test('heights are right for vectors that nobody holds in memory', () => {
  for (let height = 1; height <= 48; height++) {
    assert.equal(treeHeight(2 ** height), height)
    assert.equal(treeHeight(2 ** height + 1), height + 1)
    assert.equal(treeHeight(2 ** height - 1), height === 1 ? 0 : height)
  }
})
