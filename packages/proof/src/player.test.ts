import assert from 'node:assert/strict'
import { test } from 'node:test'
import { referenceExecutor } from '@lockstep/tensor'
import { everyLieOf, liesOf, nameOfLie } from '../test/lies-of.ts'
import { type Lie, lyingSource } from '../test/lying-source.ts'
import { type Settled, segmentNamed, settle, termsFor } from '../test/settle.ts'
import { tinyTask } from '../test/tiny-task.ts'
import type { Digest } from './digest.ts'
import { runRemembering } from './executor-trace.ts'
import type { TraceSource } from './trace-source.ts'
import { treeOf } from './tree.ts'

const task = tinyTask()
const honestRun = await runRemembering(task, referenceExecutor)
const honest = honestRun.trace
/** By day one lie in so many, by night every one. */
const { LOCKSTEP_NIGHTLY, LOCKSTEP_QUICK } = process.env
const EVERY = LOCKSTEP_NIGHTLY === '1' ? 1 : LOCKSTEP_QUICK === '1' ? 370 : 37
const { header } = task.committed

/** Plays a lie as a challenge of the whole history or of a named segment, and sees the liar lose. */
const lose = async (lie: Lie, whole: boolean): Promise<Settled> => {
  const liar = lyingSource(honest, task, lie)
  const named = whole ? undefined : await segmentNamed(liar, honest)
  if (!whole) assert.equal(named?.segment, Math.floor(lie.step / task.segmentLength))
  const settled = await settle(task, await termsFor(task, liar), liar, honest, named)
  const what = `${nameOfLie(lie)}${whole ? '' : ' in a named segment'}`
  assert.equal(settled.outcome, 'challenger', `${what}: ${settled.gaveUp} after ${settled.moves}`)
  return settled
}

test('whoever lies about an item, an element or an accumulator of any step loses', async () => {
  const first = LOCKSTEP_QUICK === '1' ? task.steps - 1 : 0 // the steps are alike
  for (let step = first; step < task.steps; step++) {
    for (const lie of liesOf(step, step === 3)) {
      // A lie that has bytes behind it is judged; a digest of nothing cannot be opened, and loses by time.
      const judged = lie.element !== undefined || lie.item >= header.nodes
      for (const whole of [true, false]) {
        const { gaveUp } = await lose(lie, whole)
        assert.equal(gaveUp === undefined, judged, nameOfLie(lie))
      }
    }
  }
})

test('every lie there is loses: each item, element class, bit and fold position of each step', async (t) => {
  let lies = 0
  for (let step = 0; step < task.steps; step++) {
    for (const lie of everyLieOf(step)) {
      if (++lies % EVERY !== 0) continue
      await lose(lie, lies % 2 === 0)
    }
  }
  t.diagnostic(`${Math.floor(lies / EVERY)} of ${lies} lies`)
})

test('a claimed history with any bit of any step item wrong loses', async () => {
  const { checkpoints } = honestRun.claim
  let flips = 0
  for (let step = 0; step < task.steps; step++) {
    for (let bit = 0; bit < 256; bit++) {
      if (++flips % EVERY !== 0) continue
      const flip = (digest: Digest): Digest => digest.with(bit >> 3, digest[bit >> 3]! ^ (1 << (bit & 7)))
      const segment = Math.floor(step / task.segmentLength)
      const first = segment * task.segmentLength
      const truth = await honest.segment(segment)
      const items = Array.from({ length: truth.count }, (_, i) => truth.at(0, i))
      const wrong = items.with(step - first, flip(items[step - first]!))
      const isLast = step - first === items.length - 1
      const liar: TraceSource = {
        ...honest,
        checkpoints: async () =>
          treeOf(
            isLast
              ? checkpoints.with(segment, wrong.at(-1)!)
              : checkpoints.with(segment, flip(checkpoints[segment]!)),
          ),
        segment: async (s) =>
          s !== segment ? honest.segment(s) : treeOf(isLast ? wrong : wrong.with(-1, flip(wrong.at(-1)!))),
      }
      const settled = await settle(task, await termsFor(task, liar), liar, honest)
      assert.equal(settled.outcome, 'challenger', `bit ${bit} of the item after step ${step}`)
    }
  }
})

test('whoever challenges a true history at any place loses', async () => {
  const terms = await termsFor(task, honest)
  for (const lie of liesOf(3, true)) {
    const settled = await settle(task, terms, honest, lyingSource(honest, task, lie))
    assert.equal(settled.outcome, 'claimant', `${nameOfLie(lie)}: ${settled.gaveUp} after ${settled.moves}`)
  }
})
