import assert from 'node:assert/strict'
import { test } from 'node:test'
import { referenceExecutor, unwrap } from '@lockstep/tensor'
import fc from 'fast-check'
import { lyingSource } from '../test/lying-source.ts'
import { settle, TIMING, termsFor } from '../test/settle.ts'
import { nodeIndex, tinyTask } from '../test/tiny-task.ts'
import { fromHex, type Hex, toHex } from './digest.ts'
import { runRemembering } from './executor-trace.ts'
import { type Game, openGame, playMove, playTimeout } from './game.ts'
import { leafDigest, tensorHeader } from './hash.ts'
import { memoryChain } from './memory-chain.ts'
import type { Move, Opening } from './moves.ts'
import { nextMove, play } from './player.ts'
import { seedHash } from './position-hash.ts'
import { claimedTree, follow, type Replayed, replay, replayFrom } from './replay.ts'
import { pathOf } from './tree.ts'

const task = tinyTask()
const { committed } = task
const { trace: honest } = await runRemembering(task, referenceExecutor)
const liar = lyingSource(honest, task, {
  step: 3,
  item: nodeIndex('long'),
  element: { index: 1, xor: 1 },
  foldAt: 0.4,
})
const terms = await termsFor(task, liar)
const seed = seedHash(31337, '0x11', 1)
const start = unwrap(openGame(terms, seed, 1000))

/** A whole dispute, with the position before each move. */
const lines = async (): Promise<{ replayed: Replayed; move: Move }[]> => {
  const all: { replayed: Replayed; move: Move }[] = []
  let replayed = replayFrom(start)
  while (replayed.game.outcome === 'open') {
    const source = replayed.game.turn === 'claimant' ? liar : honest
    const move = await nextMove({ side: replayed.game.turn, committed, source }, replayed)
    all.push({ replayed, move: move! })
    replayed = unwrap(follow(replayed, move!, 1001))
  }
  assert.equal(replayed.game.outcome, 'challenger')
  return all
}
const dispute = await lines()

test('a move answers one position of one game', () => {
  for (const { replayed, move } of dispute) {
    const stale = playMove(replayed.game, { ...move, at: seed }, 1001)
    assert.equal(!stale.ok && stale.fault.code, 'move-misplaced')
    const elsewhere = unwrap(openGame(terms, seedHash(31337, '0x11', 2), 1000))
    assert.notEqual(elsewhere.at, start.at)
  }
})

test('nobody moves for the other side, or after the end', () => {
  for (const [i, { replayed, move }] of dispute.entries()) {
    const other = dispute[i + 1] ?? dispute[i - 1]!
    const foreign = playMove(replayed.game, { ...other.move, at: replayed.game.at }, 1001)
    assert.equal(!foreign.ok && foreign.fault.code, 'not-your-turn')
    const over = { ...replayed.game, outcome: 'claimant' } as const
    assert.equal(playMove(over, move, 1001).ok, false)
  }
})

test('the last second of a turn is in time, the next one is not', () => {
  const { replayed, move } = dispute[0]!
  const { deadline } = replayed.game.clock
  assert.equal(deadline, 1000 + TIMING.clock)
  assert.ok(playMove(replayed.game, move, deadline).ok)
  assert.ok(!playTimeout(replayed.game, deadline).ok)
  const late = playMove(replayed.game, move, deadline + 1)
  assert.equal(!late.ok && late.fault.code, 'move-late')
  assert.equal(unwrap(playTimeout(replayed.game, deadline + 1)).outcome, 'challenger')
})

test('who spends its clock still has the extension of each move, and no more', () => {
  let replayed = replayFrom(start)
  let now = 1000
  for (const { move } of dispute) {
    const { clock, turn, phase } = replayed.game
    const had = clock.deadline - now
    const least = { segment: TIMING.segmentTime, step: TIMING.stepTime } as Record<string, number>
    assert.ok(had >= TIMING.moveTime && had <= Math.max(clock[turn], least[phase] ?? TIMING.moveTime))
    now = clock.deadline
    replayed = unwrap(follow(replayed, { ...move, at: replayed.game.at }, now))
  }
  assert.equal(replayed.game.outcome, 'challenger')
  const most = 2 * TIMING.clock + dispute.length * TIMING.segmentTime
  assert.ok(now - 1000 <= most, `${now - 1000} seconds of at most ${most}`)
})

test('a move with anything else in it is refused and changes nothing', () => {
  const bend = (value: unknown, salt: number): unknown => {
    if (typeof value === 'number') return value + 1 + (salt % 5)
    if (Array.isArray(value)) {
      if (value.length === 0 || salt % 7 === 0) return [...value, `0x${'ab'.repeat(32)}`]
      if (salt % 7 === 1) return value.slice(1)
      return value.map((part, i) => (i === salt % value.length ? bend(part, salt >> 3) : part))
    }
    if (typeof value === 'object' && value !== null) {
      const keys = Object.keys(value)
      const key = keys[salt % keys.length]!
      return { ...value, [key]: bend((value as Record<string, unknown>)[key], salt >> 3) }
    }
    const text = String(value)
    if (text === 'node' || text === 'state' || text === 'input') return text === 'node' ? 'state' : 'node'
    if (salt % 9 === 0) return text.slice(0, -2)
    const place = 2 + (salt % Math.max(text.length - 2, 1))
    return `${text.slice(0, place)}${text[place] === '1' ? '2' : '1'}${text.slice(place + 1)}`
  }
  fc.assert(
    fc.property(fc.integer({ min: 0, max: dispute.length - 1 }), fc.nat(), fc.nat(), (line, which, salt) => {
      const { replayed, move } = dispute[line]!
      const fields = Object.keys(move).filter((key) => key !== 'kind')
      const field = fields[which % fields.length]!
      // Words before the last, and which of several places is named, are a player's own choice.
      if (move.kind === 'postWords' || (field === 'index' && !('siblings' in move))) return
      const changed = { ...move, [field]: bend((move as Record<string, unknown>)[field], salt) } as Move
      const before = structuredClone(replayed.game)
      const next = playMove(replayed.game, changed, 1001)
      assert.equal(
        next.ok,
        false,
        `${move.kind}.${field} ${JSON.stringify((move as Record<string, unknown>)[field])} became ${JSON.stringify(changed[field as 'at'])}`,
      )
      assert.deepEqual(replayed.game, before)
    }),
    { numRuns: 2000 },
  )
})

test('posted words must end with what is disputed', () => {
  for (const { replayed, move } of dispute) {
    if (move.kind !== 'postWords') continue
    const end = move.words.endsWith('0') ? '1' : '0'
    const bent = { ...move, words: `${move.words.slice(0, -1)}${end}` as Hex }
    const next = playMove(replayed.game, bent, 1001)
    assert.equal(!next.ok && next.fault.field, 'last word')
  }
})

test('what is not before the disputed item is not agreed, even if it is proved', async () => {
  const { replayed, move } = dispute[dispute.length - 1]!
  assert.equal(move.kind, 'judgeWord')
  const { game, posted } = replayed
  for (const index of [game.node!.index, game.node!.index + 1]) {
    const node = committed.program.nodes[index]!
    const own = await liar.step(game.step)
    const leaves = await liar.leaves(game.step, { from: 'node', index })
    const path = [
      ...pathOf(leaves, 0, 0, leaves.height),
      ...pathOf(claimedTree(own, posted.step), index, 0, own.height),
    ]
    const opening: Opening = {
      from: 'node',
      index,
      leaf: 0,
      header: toHex(tensorHeader(node.dtype, node.shape)),
      data: toHex(await liar.leaf(game.step, { from: 'node', index }, 0)),
      path: path.map(toHex),
    }
    const openings = [...(move as Extract<Move, { kind: 'judgeWord' }>).openings, opening]
    const next = playMove(game, { ...move, openings } as Move, 1001)
    assert.equal(!next.ok && next.fault.code, 'opening-not-agreed')
  }
})

/** A chain whose time passes when both players wait. */
const clockwork = () => {
  let now = 1000
  const chain = memoryChain(() => now)
  const wait = async (until: number): Promise<void> => {
    // Give the other player its turn; if the position stays as it is, time passes.
    for (let i = 0; i < 50; i++) await new Promise((next) => setImmediate(next))
    now = Math.min(now + 20, Math.max(until, now))
  }
  return { chain, wait, now: () => now }
}

test('two players on a chain end with the loss of the liar', async () => {
  const { chain, wait, now } = clockwork()
  const id = unwrap(chain.open(terms))
  const common = { chain, dispute: id, committed, wait, now }
  const outcomes = await Promise.all([
    play({ ...common, side: 'claimant', source: liar }),
    play({ ...common, side: 'challenger', source: honest }),
  ])
  assert.deepEqual(outcomes, ['challenger', 'challenger'])
  assert.deepEqual(unwrap(replay(await chain.record(id))).game, chain.game(id))
})

test('a claimant that never answers loses by its clock, and so does a challenger', async () => {
  for (const side of ['claimant', 'challenger'] as const) {
    const { chain, wait, now } = clockwork()
    const id = unwrap(chain.open(side === 'claimant' ? await termsFor(task, honest) : terms))
    const source = honest
    assert.equal(await play({ chain, dispute: id, committed, wait, now, side, source }), side)
    assert.ok(now() - 1000 <= 2 * TIMING.clock + 2 * TIMING.segmentTime)
  }
})

test('players that choose at random never make an honest claimant lose', async () => {
  const { header, program } = committed
  await fc.assert(
    fc.asyncProperty(
      fc.nat(4),
      fc.nat(header.items - 1),
      fc.nat(),
      fc.nat(),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      async (step, item, place, xor, foldAt) => {
        const node = program.nodes[item]
        const elements = node ? node.shape.reduce((n, d) => n * d, 1) : 0
        const element = { index: place % Math.max(elements, 1), xor: xor % 255 || 1 }
        const other = lyingSource(honest, task, {
          step,
          item,
          foldAt,
          ...(node && place % 5 ? { element } : {}),
        })
        const right = await settle(task, await termsFor(task, honest), honest, other)
        assert.equal(right.outcome, 'claimant', right.gaveUp)
        const wrong = await settle(task, await termsFor(task, other), other, honest)
        assert.equal(wrong.outcome, 'challenger', wrong.gaveUp)
      },
    ),
    { numRuns: 60 },
  )
})

test('a program that proves to be invalid voids the dispute', () => {
  const bottom = dispute.find(({ move }) => move.kind === 'nameNode')!
  const { game } = bottom.replayed
  const move = bottom.move as Extract<Move, { kind: 'nameNode' }>
  // Nodes of an unknown dtype cannot be under a program id that was validated; the game does not rely on it.
  const bad = '0x00ff' as Hex
  const header = { ...game.terms.header, nodes: game.terms.header.nodes, itemsRoot: leafRootOf(bad) }
  const only: Game = { ...game, terms: { ...game.terms, header: { ...header, items: 1, nodes: 1 } } }
  const one: Game = { ...only, height: 0, position: 0, disputed: move.digest }
  const next = playMove(one, { ...move, index: 0, siblings: [], encoding: bad, encodingPath: [] }, 1001)
  assert.equal(unwrap(next).outcome, 'void')
})

const leafRootOf = (encoding: Hex): Uint8Array => leafDigest(fromHex(encoding)!)
