import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { nameSegment } from '@lockstep/proof'
import { createWasmExecutor, size } from '@lockstep/tensor'
import { lyingSource } from '../../proof/test/lying-source.ts'
import { settle, termsFor } from '../../proof/test/settle.ts'
import { STEPS } from '../src/machine/instruction.ts'
import { scoreTask, scoreTrace } from '../src/tasks/score-task.ts'
import { stackCode } from '../src/tasks/stack-code.ts'

/** Whatever one lies about in a run of a program that was an answer, the game finds it. */

const executor = await createWasmExecutor()
after(() => executor.close())
const question = {
  family: stackCode,
  seed: 8,
  level: 15,
  answer: new TextEncoder().encode('1s[s4*s1-]p5*3+'),
}
const task = scoreTask(question)
const { program, header } = task.committed

test('a lie about any item of a step loses, and a false challenge of it too', async () => {
  const honest = await scoreTrace(question, executor)
  for (const step of [0, 1500, STEPS - 1])
    for (let item = 0; item < header.items; item++) {
      const node = program.nodes[item]
      const lie = node ? { step, item, element: { index: size(node.shape) - 1, xor: 1 } } : { step, item }
      const liar = lyingSource(honest, task, lie)
      const named = nameSegment(await liar.checkpoints(), await honest.checkpoints())!
      const caught = await settle(task, await termsFor(task, liar), liar, honest, named)
      assert.equal(caught.outcome, 'challenger', `step ${step}, item ${item}: ${caught.gaveUp}`)
      assert.equal(caught.gaveUp, undefined, 'by the referee, not by the clock')
      const other = nameSegment(await honest.checkpoints(), await liar.checkpoints())!
      const stands = await settle(task, await termsFor(task, honest), honest, liar, other)
      assert.equal(stands.outcome, 'claimant', `step ${step}, item ${item}`)
    }
  honest.close()
})
