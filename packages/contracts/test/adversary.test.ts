import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  type Digest,
  leafDigest,
  type Move,
  nextMove,
  type Opening,
  playMove,
  type Replayed,
  runRemembering,
  type Task,
  type TraceSource,
  tensorDigest,
  tensorHeader,
  toHex,
  treeOf,
} from '@lockstep/proof'
import { type Dtype, referenceExecutor, size } from '@lockstep/tensor'
import { edgeTasks } from '../../proof/test/edge-tasks.ts'
import { lyingSource } from '../../proof/test/lying-source.ts'
import { nodeIndex, tinyTask } from '../../proof/test/tiny-task.ts'
import { startStage } from './dispute-stage.ts'
import { playingBoth } from './play-both.ts'

/** Parties that do what no honest player would, on the contract and in the game at once. */

const nightly = process.env.LOCKSTEP_NIGHTLY === '1'
const stage = await startStage()
after(() => stage.chain.stop())
const play = playingBoth(stage, { now: 2_000_000 })

/** A claimant whose x is a tensor of another type, and a challenger who takes it for agreed and names what reads it. */
const collusion = async (task: Task, dtype: Dtype, shape: readonly number[], data: Uint8Array) => {
  const { trace: honest } = await runRemembering(task, referenceExecutor)
  const agreed = nodeIndex('x')
  const reader = nodeIndex('single')
  const other = tensorDigest(dtype, shape, leafDigest(data))
  const claimant = lyingSource(honest, task, { step: 0, item: agreed })
  const lied = await claimant.step(0)
  const digests: Digest[] = Array.from({ length: lied.count }, (_, i) =>
    i === agreed ? other : lied.at(0, i),
  )
  const items = treeOf(digests)
  // The two have agreed on what the challenger is to call wrong.
  const named = treeOf(digests.map((digest, i) => (i === reader ? leafDigest(digest) : digest)))
  const both: TraceSource = {
    ...claimant,
    step: async () => items,
    leaves: async (step, ref) =>
      ref.from === 'node' && ref.index === agreed ? treeOf([leafDigest(data)]) : honest.leaves(step, ref),
    leaf: async (step, ref, index) =>
      ref.from === 'node' && ref.index === agreed ? data : honest.leaf(step, ref, index),
  }
  const challenger: TraceSource = {
    ...both,
    checkpoints: honest.checkpoints,
    segment: honest.segment,
    step: async () => named,
    leaf: async (step, ref, index) => {
      const bytes = (await both.leaf(step, ref, index)).slice()
      if (ref.from === 'node' && ref.index === reader) bytes[2]! ^= 1
      return bytes
    },
  }
  const header = toHex(tensorHeader(dtype, shape))
  const withHeader = (opening: Opening): Opening =>
    opening.from === 'node' && opening.index === agreed ? { ...opening, header } : opening
  const move = async (replayed: Replayed): Promise<Move | undefined> => {
    const { turn } = replayed.game
    const source = turn === 'claimant' ? both : challenger
    const found = await nextMove({ side: turn, committed: task.committed, source }, replayed)
    if (found?.kind !== 'judgeElement') return found
    const judge = { ...found, openings: found.openings.map(withHeader) }
    const refused = playMove(replayed.game, judge, replayed.game.clock.deadline)
    assert.equal(!refused.ok && refused.fault.code, 'opening-mismatch')
    return judge
  }
  return play({ task, claimant: both, challenger, history: true, move })
}

test('two in league cannot blame the program for a tensor of another type that they agree on', async () => {
  // Steps of a segment of their own, so that the collusion begins at the step's items.
  const task = tinyTask({ segmentLength: 1 })
  for (const [dtype, shape, bytes] of [
    ['f32', [1], 4],
    ['f32', [2], 8],
    ['f32', [8, 8], 256],
    ['u32', [64], 256],
    ['u8', [256], 256],
  ] as const) {
    const { outcome, game, last } = await collusion(task, dtype, shape, new Uint8Array(bytes))
    assert.deepEqual([outcome, game.phase, last], ['claimant', 'leaf', undefined], `${dtype} ${shape}`)
  }
})

test('at the edges of every vector the contract agrees with the game', async () => {
  let number = 0
  for (const { name, task } of edgeTasks()) {
    if (!nightly && number++ % 9 !== 0 && name !== 'an empty box') continue
    const { trace: honest } = await runRemembering(task, referenceExecutor)
    const node = task.committed.program.nodes[0]!
    const liar = lyingSource(honest, task, {
      step: 2,
      item: 0,
      foldAt: 0.999,
      element: { index: size(node.shape) - 1, xor: 1 },
    })
    const wrong = await play({ task, claimant: liar, challenger: honest, history: number % 2 === 0 })
    assert.equal(wrong.outcome, 'challenger', name)
    assert.ok(wrong.last, name)
    const right = await play({ task, claimant: honest, challenger: liar, history: true })
    assert.equal(right.outcome, 'claimant', name)
    assert.ok(right.last, name)
  }
})
