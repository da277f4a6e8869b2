import { planFrom, trainingOf } from '@lockstep/client/plan'
import { estimatesOf, requireMemory } from '../estimates.ts'
import { profileSteps } from '../profile/profile-steps.ts'
import { profileText } from '../profile/report.ts'
import { readManifest, readText } from '../run/run-directory.ts'
import type { Terminal } from '../terminal.ts'

export type ProfileOptions = { readonly threads: number; readonly steps: number }

/** Where the time of a manifest's training step goes, by kind of node and by kernel, beside this machine's ceilings. */
export const profileCommand = async (
  path: string,
  { threads, steps }: ProfileOptions,
  now: () => number,
  terminal: Terminal,
): Promise<void> => {
  const manifest = await readManifest(path)
  const plan = planFrom(manifest, await readText(path, manifest))
  requireMemory(estimatesOf(plan))
  const { task } = trainingOf(plan)
  terminal.note(`profiling ${steps} training steps`)
  const { initial: state, inputs, committed } = task
  const report = await profileSteps({ program: committed.program, inputs, state }, steps, now, { threads })
  for (const line of profileText(report)) terminal.say(line)
  terminal.result(report)
}
