import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DEFAULT_TRAIN, initialState, trainProgram } from '@lockstep/models'
import {
  claimRoot,
  commitProgram,
  memoryChain,
  nameSegment,
  play,
  runRemembering,
  type Task,
  taskFields,
  toHex,
} from '@lockstep/proof'
import { createWasmExecutor, type Executor, unwrap } from '@lockstep/tensor'
import { LIES, type LieKind } from '../lies.ts'
import { seeded } from '../seeded.ts'
import { tell } from './tell.ts'

const config = { vocab: 256, context: 8, width: 8, layers: 1, heads: 2, dropout: 0 }
const train = { ...DEFAULT_TRAIN, batch: 2, steps: 6, warmup: 2 }
const program = trainProgram({ kind: 'gpt', config }, train, { tokens: 600, dtype: 'u8' })
const task: Task = {
  committed: commitProgram(program),
  initial: initialState({ kind: 'gpt', config }, 7),
  inputs: [{ dtype: 'u8', shape: [600], data: new Uint8Array(600).map((_, i) => (i * i) % 251) }],
  steps: train.steps,
  segmentLength: 3,
}
const timing = { clock: 60, segmentTime: 60, stepTime: 60, moveTime: 60 }

let executor: Executor
let honest: Awaited<ReturnType<typeof runRemembering>>
before(async () => {
  executor = await createWasmExecutor()
  honest = await runRemembering(task, executor)
})
after(async () => {
  honest.trace.close()
  await executor.close()
})

for (const kind of Object.keys(LIES) as LieKind[]) {
  test(`a lie is found where it was told and loses: ${kind}`, async () => {
    const { lie, run } = await tell(task, honest.claim, executor, kind, seeded(11))
    const chain = memoryChain(() => 0)
    const claim = toHex(claimRoot(run.claim))
    const terms = { task: taskFields(task), header: task.committed.header, timing, claim }
    const named = nameSegment(await run.trace.checkpoints(), await honest.trace.checkpoints())!
    const dispute = unwrap(chain.open(terms, named))
    const wait = () => new Promise<void>((resolve) => setTimeout(resolve, 1))
    const table = { chain, dispute, committed: task.committed, now: () => 0, wait }
    const outcomes = await Promise.all([
      play({ ...table, side: 'claimant', source: run.trace }),
      play({ ...table, side: 'challenger', source: honest.trace }),
    ])
    assert.deepEqual(outcomes, ['challenger', 'challenger'])
    const { step, node } = chain.game(dispute)
    assert.deepEqual({ step, node: node?.index }, { step: lie.step, node: lie.node })
    run.trace.close()
  })
}
