import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  climb,
  cutOf,
  type Digest,
  leafDigest,
  type Move,
  pathOf,
  rootOf,
  type Tree,
  tensorDigest,
  tensorHeader,
  toHex,
  treeHeight,
  treeOf,
  treeOfPacked,
} from '@lockstep/proof'
import { encodeNode, type FoldNode, traceScalar, unwrap } from '@lockstep/tensor'
import { mnemonicToAccount } from 'viem/accounts'
import {
  connect,
  type DisputeChain,
  deployDisputes,
  disputeChain,
  disputesAbi,
  LOCAL_CHAIN,
  readMinimumBond,
  startLocalChain,
} from '../src/index.ts'

/**
 * The price of a dispute of full size: 10^6 steps in segments of 1,000, a model of 10^8 parameters, 503 items a step.
 * Nothing is run: only hashes decide which moves there are, and a referee's answer is an answer whatever it says.
 */

const anvil = await startLocalChain()
after(() => anvil.stop())
const connection = (addressIndex: number) => {
  const mnemonic = 'test test test test test test test test test test test junk'
  const account = mnemonicToAccount(mnemonic, { addressIndex })
  return connect({ url: anvil.url, chainId: LOCAL_CHAIN.id, account, pollingInterval: 5 })
}

let salt = 0
/** Digests, or anything else that has no pattern and no zero bytes. */
const noise = (bytes: number): Uint8Array => {
  const data = new Uint8Array(bytes)
  for (let i = 0; i < bytes; i++) {
    salt = (Math.imul(salt, 1664525) + 1013904223) >>> 0
    data[i] = 1 + ((salt >>> 24) % 255)
  }
  return data
}
const digests = (count: number): Digest[] => Array.from({ length: count }, () => noise(32))

const SIDE = 10_000
const square = [SIDE, SIDE] as const
const coordinate = (at: number) => ({ base: 0, terms: [{ at, by: 1 }] })
const product: FoldNode = {
  kind: 'fold',
  dtype: 'bf16',
  shape: square,
  box: [SIDE],
  reads: [
    { ref: { from: 'node', index: 0 }, dtype: 'bf16', view: square, coords: [coordinate(0), coordinate(2)] },
    { ref: { from: 'state', index: 0 }, dtype: 'bf16', view: square, coords: [coordinate(2), coordinate(1)] },
  ],
  guards: [],
  step: traceScalar(['f', 'f', 'f'], (acc, a, b) => a.fma(b, acc)),
  order: { kind: 'blocked', init: 0x80000000, combine: traceScalar(['f', 'f'], (a, b) => a.add(b)) },
}

const NODES = 400
const STATES = 100
const ITEMS = NODES + 50 + 25 + 13 + 7 + 4 + 2 + 1 + 1
const ITEM = NODES - 1
const STEP = 700
const SEGMENT = 500
const STEPS = 1000
const LEAVES = (SIDE * SIDE * 2) / 256
const LEAF = 654_321
const ELEMENT = 77
const ONE = 0x3f800000
/** Which block's result, and which of its accumulators, is the first that is wrong. */
const BLOCK = 20
const STEP_IN_BLOCK = 128

// What is opened at last: a leaf of each operand, under siblings of noise.
const position = LEAF * 128 + ELEMENT
const k = BLOCK * 256 + STEP_IN_BLOCK
const row = Math.floor(position / SIDE)
const column = position % SIDE
const opening = (from: 'node' | 'state', element: number, above: number) => {
  const leaf = Math.floor(element / 128)
  const data = new Uint8Array(256).fill(0x40) // 3 everywhere, so that the truth is not 1
  const path = digests(treeHeight(LEAVES))
  const digest = tensorDigest('bf16', square, climb(leafDigest(data), leaf, path))
  const rest = digests(above)
  const header = toHex(tensorHeader('bf16', square))
  return {
    digest,
    rest,
    opening: { from, index: 0, leaf, header, data: toHex(data), path: [...path, ...rest].map(toHex) },
  }
}
const a = opening('node', row * SIDE + k, 0)
const b = opening('state', k * SIDE + column, treeHeight(STATES) + 1)

// The claimant's history, from the leaf up to the claim.
const leaf = noise(256)
leaf.set([0x80, 0x3f], 2 * ELEMENT)
const packed = noise(32 * LEAVES)
packed.set(leafDigest(leaf), 32 * LEAF)
const leaves = treeOfPacked(packed)
const place = (tree: Digest[], at: number, digest: Digest): Digest[] => tree.with(at, digest)
const items = treeOf(
  place(place(digests(ITEMS), 0, a.digest), ITEM, tensorDigest('bf16', square, rootOf(leaves))),
)
const last = (tree: Tree): Digest => tree.at(0, tree.count - 1)
const agreed = climb(b.digest, 0, b.rest)
const steps = treeOf(place(place(digests(STEPS), STEP, last(items)), STEP - 1, agreed))
const checkpoints = treeOf(place(digests(STEPS), SEGMENT, last(steps)))
const encoding = encodeNode(product)
const encodings = treeOf(place(digests(ITEMS), ITEM, leafDigest(encoding)))

const hexes = (list: readonly Digest[]) => list.map(toHex)
const words = (count: number): Uint8Array => {
  const bytes = new Uint8Array(4 * count)
  for (let i = 0; i < count; i++) new DataView(bytes.buffer).setUint32(4 * i, ONE)
  return bytes
}

type Without<T> = T extends unknown ? Omit<T, 'at'> : never
type Body = Without<Move>

/** All moves down one vector: posts, and the names of children on the way to `target`. */
function* descent(
  tree: Tree,
  target: number,
  tied: boolean,
  bottom: (child: Child) => Body,
): Generator<Body> {
  for (let height = tree.height; height > 0; height -= Math.min(height, 5)) {
    const levels = Math.min(height, 5)
    const at = Math.floor(target / 2 ** height)
    const lastPath = tied && height === tree.height ? hexes(pathOf(tree, tree.count - 1, 0, tree.height)) : []
    yield { kind: 'postChildren', children: hexes(cutOf(tree, height, at)), lastPath }
    const below = Math.floor(target / 2 ** (height - levels))
    const child = {
      index: below - at * 2 ** levels,
      digest: toHex(tree.at(height - levels, below)),
      siblings: hexes(pathOf(tree, below, height - levels, height)),
    }
    yield height === levels ? bottom(child) : { kind: 'nameChild', ...child }
  }
}
type Child = {
  readonly index: number
  readonly digest: `0x${string}`
  readonly siblings: readonly `0x${string}`[]
}
const path = (tree: Tree, at: number) => hexes(pathOf(tree, at, 0, tree.height))
const nameItem =
  (tree: Tree, at: number) =>
  (child: Child): Body => ({
    kind: 'nameItem',
    ...child,
    predecessor: toHex(tree.at(0, at - 1)),
    predecessorPath: path(tree, at - 1),
  })

function* moves(history: boolean): Generator<Body> {
  if (history) yield* descent(checkpoints, SEGMENT, false, nameItem(checkpoints, SEGMENT))
  yield* descent(steps, STEP, true, nameItem(steps, STEP))
  yield* descent(items, ITEM, true, (child) => ({
    kind: 'nameNode',
    ...child,
    encoding: toHex(encoding),
    encodingPath: path(encodings, ITEM),
  }))
  yield* descent(leaves, LEAF, false, (child) => ({ kind: 'nameChild', ...child }))
  yield { kind: 'postLeaf', data: toHex(leaf) }
  yield { kind: 'nameElement', index: ELEMENT, data: toHex(leaf) }
  yield { kind: 'postWords', words: toHex(words(80)) }
  yield { kind: 'nameWord', index: 2 * BLOCK, words: toHex(words(80)) }
  yield { kind: 'postWords', words: toHex(words(256)) }
  yield {
    kind: 'judgeWord',
    index: STEP_IN_BLOCK,
    words: toHex(words(256)),
    encoding: toHex(encoding),
    openings: [{ ...a.opening, path: [...a.opening.path, ...path(items, 0)] }, b.opening],
  }
}

test('a dispute of full size takes at most 12 rounds, 2 million gas a side and 500,000 for the last step', async (t) => {
  const deployer = await connection(0)
  const rules = {
    treasury: '0x00000000000000000000000000000000000000aa',
    rewardShare: 2_000,
    gasPriceCap: 10n ** 11n,
    minimumTime: 1,
  } as const
  const address = await deployDisputes(deployer, rules)
  const claimant = await disputeChain(await connection(1), address)
  const challenger = await disputeChain(await connection(2), address)
  const header = {
    version: 1,
    nodes: NODES,
    items: ITEMS,
    states: STATES,
    inputs: 0,
    outputs: 0,
    interfaceDigest: noise(32),
    itemsRoot: rootOf(encodings),
  }
  const bond = await readMinimumBond(deployer, address)
  const times = { window: 86_400, clock: 600, segmentTime: 120, stepTime: 60, moveTime: 30 }
  const terms = {
    header,
    initialItem: toHex(noise(32)),
    inputsRoot: toHex(noise(32)),
    steps: 1_000_000,
    segmentLength: STEPS,
    ...times,
    bond,
  }
  const task = unwrap(await claimant.createTask(terms))
  const gasOf = (chain: DisputeChain) => Number(chain.lastReceipt()!.gasUsed)
  for (const history of [false, true]) {
    const sides = { claimant: 0, challenger: 0 }
    const claim = unwrap(await (history ? challenger : claimant).claim(task, toHex(rootOf(checkpoints))))
    // The same person may claim a history once only: the second time the roles are changed.
    const [poster, namer] = history ? [challenger, claimant] : [claimant, challenger]
    const dispute = unwrap(
      await (history
        ? namer.challenge(claim)
        : namer.challengeSegment(claim, {
            segment: SEGMENT,
            checkpoint: toHex(checkpoints.at(0, SEGMENT)),
            checkpointPath: path(checkpoints, SEGMENT),
            predecessor: toHex(checkpoints.at(0, SEGMENT - 1)),
            predecessorPath: path(checkpoints, SEGMENT - 1),
          })),
    )
    sides.challenger += gasOf(namer)
    let rounds = 0
    let lastStep = 0
    for (const body of moves(history)) {
      const posts = body.kind.startsWith('post')
      const { at } = await deployer.reader.readContract({
        address,
        abi: disputesAbi,
        functionName: 'getDispute',
        args: [BigInt(dispute)],
      })
      unwrap(await (posts ? poster : namer).submit(dispute, { ...body, at } as Move))
      lastStep = gasOf(posts ? poster : namer)
      sides[posts ? 'claimant' : 'challenger'] += lastStep
      if (posts) rounds++
    }
    assert.equal((await poster.readClaim(claim)).status, 'fallen')
    t.diagnostic(JSON.stringify({ history, rounds, ...sides, lastStep }))
    assert.ok(rounds <= (history ? 14 : 12))
    assert.ok(lastStep <= 500_000)
    assert.ok(Math.max(sides.claimant, sides.challenger) <= 2_000_000)
  }
})
