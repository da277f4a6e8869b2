import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { planFrom, trainingOf } from '@lockstep/client/plan'
import { findNative } from '@lockstep/native'
import { claimRoot, toHex } from '@lockstep/proof'
import type { Executor } from '@lockstep/tensor'
import { badInput } from '../cli-error.ts'
import { estimatesOf, requireMemory } from '../estimates.ts'
import { createRun, openRun, type Run, readManifest, readText } from '../run/run-directory.ts'
import { trainRun } from '../run/train-run.ts'
import { count, seconds, type Terminal } from '../terminal.ts'

export type TrainOptions = { readonly out?: string }

/** Trains what a manifest says, or goes on with a run. */
export const trainCommand = async (
  target: string,
  options: TrainOptions,
  executor: Executor,
  now: () => number,
  terminal: Terminal,
): Promise<void> => {
  const start = now()
  const run = await runFor(target, options)
  const { task } = run.training
  const { parameters } = estimatesOf(run.training)
  terminal.note(
    `training ${count(parameters)} parameters, ${task.steps} steps, a checkpoint every ${task.segmentLength}, on the ${executor.name} executor`,
  )
  const native = findNative()
  if ('why' in native) terminal.note(`${native.why}: the same bits, sooner`)
  const bar = terminal.progress('train', task.steps)
  const checkpoints: object[] = []
  const result = await trainRun(run, executor, {
    step: (step, loss) => bar.update(step, `loss ${loss.toFixed(3)}`),
    checkpoint: (step, item, path) => {
      bar.end()
      checkpoints.push({ step, item: toHex(item) })
      terminal.say(`checkpoint after step ${step}: ${toHex(item)}  ${path}`)
    },
    found: (step) => bar.update(step, 'found'),
    damaged: (step, error) => terminal.note(`checkpoint ${step} is made again: ${error.message}`),
    evaluating: (step) => terminal.note(`measuring the held-out loss after step ${step}`),
  })
  bar.end()
  const root = toHex(claimRoot(result.claim))
  const { before, after } = result.loss
  const elapsed = (now() - start) / 1000
  terminal.say(
    `held-out loss ${before.toFixed(3)} -> ${after.toFixed(3)} nats/byte after ${task.steps} steps in ${seconds(1000 * elapsed)}`,
  )
  terminal.say(`claim     ${root}`)
  terminal.say(`model     ${run.layout.model}`)
  terminal.say(`Next: lockstep verify ${run.layout.directory}`)
  terminal.result({
    run: run.layout.directory,
    steps: task.steps,
    parameters,
    root,
    checkpoints,
    loss: { before, after, unit: 'nats/byte' },
    seconds: elapsed,
  })
}

const runFor = async (target: string, options: TrainOptions): Promise<Run> => {
  const found = await stat(target).catch((error) => {
    throw Object.assign(error, { path: target })
  })
  if (found.isDirectory()) {
    if (options.out !== undefined)
      throw badInput(
        'out-given',
        '--out',
        options.out,
        'a manifest to go with it',
        'Leave --out out to go on with a run.',
      )
    return openRun(target)
  }
  const manifest = await readManifest(target)
  const plan = planFrom(manifest, await readText(target, manifest))
  requireMemory(estimatesOf(plan))
  return createRun(options.out ?? join('runs', manifest.name), manifest, trainingOf(plan))
}
