import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Executor, type Runner, referenceExecutor, type Tensor, tensorAt } from '@lockstep/tensor'
import { settle, termsFor } from '../test/settle.ts'
import { nodeIndex, tinyTask } from '../test/tiny-task.ts'
import { runClaim } from './claim.ts'
import { toHex } from './digest.ts'
import { executorTrace, runRemembering } from './executor-trace.ts'
import { parentDigest } from './hash.ts'
import { type Task, taskFields } from './task.ts'
import { digestOf, tensorsTree } from './tensor-tree.ts'
import { rootOf, type Tree } from './tree.ts'

const task = tinyTask()
const { program } = task.committed
const digests = (tree: Tree): string[] =>
  Array.from({ length: tree.count }, (_, i) => Buffer.from(tree.at(0, i)).toString('hex'))

/** An executor that counts the steps it runs, and may change a node's result in one step. */
const watched = (change?: (step: number, nodes: Tensor[]) => void) => {
  const seen = { steps: 0 }
  const executor: Executor = {
    name: 'watched',
    close: async () => {},
    compile: async (...of) => {
      const runner = await referenceExecutor.compile(...of)
      const counter = (): number => new Uint32Array(runner.state()[0]!.data.slice().buffer)[0]!
      let outputs: Tensor[] = []
      const watching: Runner = {
        ...runner,
        load: (state) => {
          runner.load(state)
          outputs = []
        },
        state: () => runner.state(),
        outputs: () => outputs,
        close: () => runner.close(),
        step: async (count = 1) => {
          for (let i = 0; i < count; i++) await watching.trace()
        },
        trace: async () => {
          seen.steps++
          const step = counter()
          const nodes = await runner.trace()
          change?.(step, nodes)
          outputs = program.outputs.map(({ ref }) => tensorAt(ref, nodes, [], task.inputs))
          if (change) runner.load(program.next.map(({ index }) => nodes[index]!))
          return nodes
        },
      }
      return watching
    },
  }
  return { executor, seen }
}

test('segments, steps, leaves and states of one history fit together', async () => {
  const { trace } = await runRemembering(task, referenceExecutor)
  const checkpoints = digests(await trace.checkpoints())
  let last: string | undefined
  for (let segment = 0; segment < checkpoints.length; segment++) {
    const items = digests(await trace.segment(segment))
    assert.equal(items.at(-1), checkpoints[segment])
    for (const [i, item] of items.entries()) {
      const step = segment * task.segmentLength + i
      assert.equal(digests(await trace.step(step)).at(-1), item)
      const { states, outputsRoot } = await trace.found(step)
      const root = Buffer.from(rootOf(states))
      if (last !== undefined) {
        assert.equal(Buffer.from(parentDigest(root, outputsRoot)).toString('hex'), last)
      }
      last = item
    }
  }
})

test('a trace runs again from the nearest state that was kept', async () => {
  const { executor, seen } = watched()
  const states: (readonly Tensor[])[] = []
  const runner = await referenceExecutor.compile(program, task.inputs)
  const claim = await runClaim(task, runner, (_, state) => void states.push(state))
  const kept = await executorTrace({
    task,
    executor,
    claim,
    state: async (i) => (i === 1 ? states[i] : undefined),
  })
  await kept.step(4)
  assert.equal(
    seen.steps,
    5,
    'step 4 needs the outputs of step 3, and nothing nearer than the start was kept before it',
  )
  await kept.leaf(4, { from: 'node', index: nodeIndex('scan') }, 2)
  await kept.leaves(4, { from: 'state', index: 1 })
  assert.equal(seen.steps, 5, 'one step is remembered')
  const forgetful = await executorTrace({ task, executor, claim })
  assert.deepEqual(digests(await forgetful.segment(2)), digests(await kept.segment(2)))
})

test('an executor that computes one number wrong loses the dispute that follows', async () => {
  const { executor } = watched((step, nodes) => {
    if (step === 2) nodes[nodeIndex('weights')]!.data[700]! ^= 4
  })
  const wrong = await runRemembering(task, executor)
  const honest = await runRemembering(task, referenceExecutor)
  const settled = await settle(task, await termsFor(task, wrong.trace), wrong.trace, honest.trace)
  assert.equal(settled.outcome, 'challenger')
  assert.equal(settled.gaveUp, undefined)
  assert.deepEqual([settled.game.step, settled.game.node?.index], [2, nodeIndex('weights')])
  assert.equal(settled.game.node?.leaf, Math.floor(700 / 256))
})

test('a segment alone is a task that begins at a checkpoint, and is disputed like any other', async () => {
  const runner = await referenceExecutor.compile(program, task.inputs)
  runner.load(task.initial)
  await runner.step(task.segmentLength)
  const part: Task = {
    ...task,
    initial: runner.state(),
    initialOutputs: rootOf(tensorsTree(runner.outputs())),
    steps: task.segmentLength,
  }
  const whole = (await runRemembering(task, referenceExecutor)).claim.checkpoints
  const honest = await runRemembering(part, referenceExecutor)
  assert.equal(taskFields(part).initialItem, toHex(whole[0]!))
  assert.deepEqual(honest.claim.checkpoints, [whole[1]])
  // The weights are computed out of the state: its openings lead through the outputs' root into the checkpoint.
  const { executor } = watched((step, nodes) => {
    if (step === 2) nodes[nodeIndex('weights')]!.data[700]! ^= 4
  })
  const wrong = await runRemembering(part, executor)
  const lost = await settle(part, await termsFor(part, wrong.trace), wrong.trace, honest.trace)
  assert.deepEqual([lost.outcome, lost.gaveUp, lost.game.step], ['challenger', undefined, 0])
  const won = await settle(part, await termsFor(part, honest.trace), honest.trace, wrong.trace)
  assert.deepEqual([won.outcome, won.gaveUp], ['claimant', undefined])
})

test('a tensor digest is that of its bytes, whoever holds them', async () => {
  const { trace } = await runRemembering(task, referenceExecutor)
  const { states } = await trace.found(0)
  assert.deepEqual(
    digests(states),
    task.initial.map((tensor) => Buffer.from(digestOf(tensor)).toString('hex')),
  )
})
