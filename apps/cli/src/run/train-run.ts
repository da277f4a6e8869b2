import { setImmediate as turn } from 'node:timers/promises'
import { f32Values, saveModel, trainedParameters } from '@lockstep/models'
import { writeAtomic } from '@lockstep/node/atomic-file'
import { createBeside, openRooting } from '@lockstep/node/rooting'
import {
  type Claim,
  checkpointCount,
  type Digest,
  sameBytes,
  segmentSteps,
  taskFields,
  toHex,
} from '@lockstep/proof'
import type { Executor, Runner, Tensor } from '@lockstep/tensor'
import { badInput } from '../cli-error.ts'
import { type Checkpoint, checkpointItem, readCheckpoint, writeCheckpoint } from './checkpoint-file.ts'
import { writeClaim } from './claim-file.ts'
import { heldOutLoss } from './held-out-loss.ts'
import { withLock } from './lock.ts'
import { appendMetrics, type Metric, readMetrics, tidyMetrics } from './metrics.ts'
import type { Run } from './run-directory.ts'
import { requireOwnClaim } from './verify-run.ts'

/** What happens while a run trains, for whoever shows it. */
export type TrainEvents = {
  readonly step?: (step: number, loss: number) => void
  readonly checkpoint?: (step: number, item: Digest, path: string) => void
  /** A checkpoint that was there already, from an earlier start. */
  readonly found?: (step: number) => void
  /** A checkpoint that was there and is damaged: it is made again. */
  readonly damaged?: (step: number, error: Error) => void
  readonly evaluating?: (step: number) => void
}

export type TrainResult = {
  readonly claim: Claim
  /** Nats per byte of the held-out text. */
  readonly loss: { readonly before: number; readonly after: number }
}

/**
 * Trains a run to its end: makes every checkpoint that is missing or damaged from the one before it, so that a killed
 * run goes on, and ends with the same bytes as one that was never killed. Then writes claim and model.
 */
export const trainRun = (run: Run, executor: Executor, events: TrainEvents = {}): Promise<TrainResult> =>
  withLock(run.layout.lock, async () => {
    const { layout, training } = run
    await requireOwnClaim(run).catch(unlessDiffers)
    await keepInitialState(run, events)
    const before = await evaluate(run, executor, training.task.initial, 0, events)
    const runner = await executor.compile(training.task.committed.program, training.task.inputs)
    const { claim, last } = await makeCheckpoints(run, runner, events).finally(() => runner.close())
    const after = await evaluate(run, executor, last.state, training.task.steps, events)
    await tidyMetrics(layout.metrics)
    await writeAtomic(layout.model, saveModel({ ...training, parameters: parametersIn(run, last.state) }))
    await writeClaim(layout.claim, taskFields(training.task), claim)
    return { claim, loss: { before, after } }
  })

/** A claim that is missing or damaged is made again; one about another task says that the files have changed. */
const unlessDiffers = (error: unknown): void => {
  const { code, exit } = error as { code?: string; exit?: number }
  if (code === 'claim-differs' || exit !== 2) throw error
}

/** The checkpoints of a directory begin at the initial state that its files give, or belong to another run. */
const keepInitialState = async ({ layout, training: { task } }: Run, events: TrainEvents): Promise<void> => {
  const path = layout.checkpoint(0)
  const { program } = task.committed
  const initial = { step: 0, state: task.initial, outputs: [] }
  const found = await findCheckpoint(path, program, 0, events)
  const item = checkpointItem(initial)
  if (found === undefined) await writeCheckpoint(path, program, initial, item)
  else if (!sameBytes(found.item, item))
    throw badInput(
      'run-differs',
      path,
      toHex(found.item),
      toHex(item),
      'The manifest and the checkpoints are of different runs: train into a new directory (--out).',
    )
}

/** Makes the checkpoints that are missing. One is rooted and written while the steps to the next one run. */
const makeCheckpoints = async (
  { layout, training: { task } }: Run,
  runner: Runner,
  events: TrainEvents,
): Promise<{ claim: Claim; last: Checkpoint }> => {
  const { program } = task.committed
  const checkpoints: Digest[] = []
  const rooting = openRooting(program)
  const keeping = createBeside()
  let last: Checkpoint = { step: 0, state: task.initial, outputs: [] }
  let runnerAt = -1
  try {
    for (let segment = 0; segment < checkpointCount(task); segment++) {
      const step = last.step + segmentSteps(task, segment)
      const path = layout.checkpoint(step)
      const found = await findCheckpoint(path, program, step, events)
      if (found) {
        await keeping.ended()
        checkpoints.push(found.item)
        last = found.checkpoint
        events.found?.(step)
        continue
      }
      if (runnerAt !== last.step) runner.load(last.state)
      const metrics: Metric[] = []
      for (let s = last.step; s < step; s++) {
        await runner.step()
        const metric = metricOf(program.outputs, runner.outputs(), s)
        metrics.push(metric)
        events.step?.(s + 1, metric.loss)
        if (keeping.isBusy()) await turn()
        keeping.check()
      }
      await keeping.ended()
      const { roots, state, outputs } = await rooting.take(runner)
      const taken = { step, state, outputs }
      last = taken
      runnerAt = step
      keeping.begin(async () => {
        const { item } = await roots
        await appendMetrics(layout.metrics, metrics)
        await writeCheckpoint(path, program, taken, item)
        checkpoints.push(item)
        events.checkpoint?.(step, item, path)
      })
    }
    await keeping.ended()
  } finally {
    await keeping.settled()
    await rooting.close()
  }
  return { claim: { checkpoints }, last }
}

const findCheckpoint = async (
  path: string,
  program: Parameters<typeof readCheckpoint>[1],
  step: number,
  events: TrainEvents,
) => {
  try {
    return await readCheckpoint(path, program, step)
  } catch (error) {
    const { code, exit } = error as { code?: string; exit?: number }
    if (code === 'ENOENT') return undefined
    if (exit !== 2) throw error
    events.damaged?.(step, error as Error)
    return undefined
  }
}

const metricOf = (
  outputs: readonly { readonly name: string }[],
  values: readonly Tensor[],
  step: number,
): { step: number; loss: number; norm: number } => {
  const value = (name: string): number => f32Values(values[outputs.findIndex((o) => o.name === name)]!)[0]!
  return { step, loss: value('loss'), norm: value('norm') }
}

/** The held-out loss after `step` steps; a run that is continued finds the one before in its metrics. */
const evaluate = async (
  { layout, training }: Run,
  executor: Executor,
  state: readonly Tensor[],
  step: number,
  events: TrainEvents,
): Promise<number> => {
  for (const metric of await readMetrics(layout.metrics)) {
    if (metric.step === step && 'heldOut' in metric && metric.heldOut !== null) return metric.heldOut
  }
  events.evaluating?.(step)
  const heldOut = await heldOutLoss(training, executor, state)
  await appendMetrics(layout.metrics, [{ step, heldOut }])
  return heldOut
}

const parametersIn = ({ training }: Run, state: readonly Tensor[]): Tensor[] =>
  trainedParameters(training.model, training.train, state)
