import { planFrom } from '@lockstep/client/plan'
import type { Executor } from '@lockstep/tensor'
import { estimatesOf, measureSpeed, requireMemory } from '../estimates.ts'
import { readManifest, readText } from '../run/run-directory.ts'
import { bytes, count, seconds, type Terminal } from '../terminal.ts'

/** Checks a manifest, its text and the program that they give, and says what training will take. Touches no network. */
export const validateCommand = async (
  path: string,
  executor: Executor,
  now: () => number,
  terminal: Terminal,
): Promise<void> => {
  const manifest = await readManifest(path)
  const plan = planFrom(manifest, await readText(path, manifest))
  const estimates = estimatesOf(plan)
  requireMemory(estimates)
  terminal.note('measuring this machine')
  const speed = await measureSpeed(executor, now)
  const time = estimates.work.total / speed
  const { config } = plan.model
  terminal.say(`${path} is valid.`)
  terminal.say(
    `model     ${count(estimates.parameters)} parameters: layers ${config.layers}, width ${config.width}, heads ${config.heads}, context ${config.context}, tokens ${config.vocab}`,
  )
  terminal.say(
    `text      ${count(plan.corpus.shape[0]!)} tokens to train on, ${count(plan.heldOut.shape[0]!)} held out`,
  )
  terminal.say(
    `work      ${count(estimates.work.step)} instructions a step, ${plan.steps} steps, ${estimates.checkpoints} checkpoints`,
  )
  terminal.say(`memory    at most ${bytes(estimates.memory)}`)
  terminal.say(`disk      ${bytes(estimates.disk)}`)
  terminal.say(
    `time      about ${seconds(1000 * time)} here, on the ${executor.name} executor at ${count(speed)} instructions a second`,
  )
  terminal.say(`Next: lockstep train ${path}`)
  terminal.result({ valid: true, ...estimates, seconds: time, executor: executor.name })
}
