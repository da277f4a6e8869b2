import assert from 'node:assert/strict'
import { test } from 'node:test'
import { referenceExecutor, unwrap } from '@lockstep/tensor'
import fc from 'fast-check'
import { lyingSource } from '../test/lying-source.ts'
import { TIMING, termsFor } from '../test/settle.ts'
import { nodeIndex, tinyTask } from '../test/tiny-task.ts'
import { toHex } from './digest.ts'
import { runRemembering } from './executor-trace.ts'
import { memoryChain } from './memory-chain.ts'
import { nextMove } from './player.ts'
import { exportProof, type Proof, verifyProof } from './proof-file.ts'
import { replay } from './replay.ts'
import { taskFields } from './task.ts'
import { digestOf } from './tensor-tree.ts'

const task = tinyTask()
const { committed } = task
const runner = await referenceExecutor.compile(committed.program, task.inputs)
runner.load(task.initial)
await runner.step(task.steps)
const end = {
  states: runner.state().map((tensor) => toHex(digestOf(tensor))),
  outputs: runner.outputs().map((tensor) => toHex(digestOf(tensor))),
}
const { claim, trace: honest } = await runRemembering(task, referenceExecutor)
const proof: Proof = { committed, task: taskFields(task), claim, end }

/** A proof of a claim that was challenged in vain. */
const disputedProof = async (): Promise<Proof> => {
  const chain = memoryChain(() => 1000)
  const liar = lyingSource(honest, task, { step: 3, item: nodeIndex('put'), element: { index: 3, xor: 1 } })
  const id = unwrap(chain.open(await termsFor(task, honest)))
  for (;;) {
    const replayed = unwrap(replay(await chain.record(id)))
    const { turn, outcome } = replayed.game
    if (outcome !== 'open') break
    const move = await nextMove(
      { side: turn, committed, source: turn === 'claimant' ? honest : liar },
      replayed,
    )
    unwrap(await chain.submit(id, move!))
  }
  const { terms: _, ...record } = await chain.record(id)
  return { ...proof, dispute: { ...record, timing: TIMING } }
}

test('a proof of a finished run says its program, its claim and what came out', () => {
  const verified = unwrap(verifyProof(exportProof(proof)))
  assert.equal(verified.task.program, toHex(committed.id))
  assert.deepEqual(verified.claim, claim)
  assert.deepEqual(verified.end, end)
  assert.equal(verified.outcome, undefined)
})

test('a proof of a disputed claim says how the dispute ended', async () => {
  const bytes = exportProof(await disputedProof())
  assert.equal(unwrap(verifyProof(bytes)).outcome, 'claimant')
})

test('other results, other steps and other checkpoints than those claimed are refused', async () => {
  const text = (changed: Proof) => verifyProof(exportProof(changed))
  const disputed = await disputedProof()
  const refused = [
    text({ ...proof, end: { ...end, states: [...end.states].reverse() } }),
    text({ ...proof, end: { ...end, outputs: end.outputs.slice(1) } }),
    text({ ...proof, task: { ...proof.task, steps: 3 } }),
    text({ ...proof, claim: { checkpoints: claim.checkpoints.toReversed() } }),
    text({ ...disputed, claim: { checkpoints: claim.checkpoints.with(0, claim.checkpoints[1]!) } }),
  ]
  for (const result of refused) assert.equal(result.ok, false)
})

test('bytes that are no proof are a fault, never an exception', async () => {
  const bytes = exportProof(await disputedProof())
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
      const damaged = bytes.slice()
      damaged[at] = byte
      const result = verifyProof(damaged)
      if (result.ok) assert.equal(result.value.outcome, 'claimant')
    }),
    { numRuns: 300 },
  )
  for (const text of ['', 'null', '[]', '{}', '{"format":"lockstep-proof","version":2}', '\u0000']) {
    assert.equal(verifyProof(new TextEncoder().encode(text)).ok, false)
  }
})
