import { randomInt } from 'node:crypto'
import { checkpointCount, segmentSteps, toHex } from '@lockstep/proof'
import type { Executor } from '@lockstep/tensor'
import { badInput, EXIT, type ExitCode } from '../cli-error.ts'
import { readClaim } from '../run/claim-file.ts'
import { layoutOf } from '../run/layout.ts'
import { openRun } from '../run/run-directory.ts'
import { type Difference, readOwnClaim, verifyRun } from '../run/verify-run.ts'
import { seconds, type Terminal } from '../terminal.ts'

export type VerifyOptions = {
  /** So many segments, drawn at random. */
  readonly sample?: number
  /** These segments, counted from 0. */
  readonly segments?: readonly number[]
  /** A run of one's own of the same task: only the first segment that it disagrees about is executed again. */
  readonly against?: string
}

/** Executes a run's segments again and says where they first differ from what it claims. */
export const verifyCommand = async (
  directory: string,
  options: VerifyOptions,
  executor: Executor,
  now: () => number,
  terminal: Terminal,
): Promise<ExitCode> => {
  const start = now()
  const run = await openRun(directory)
  const { file, difference: wrongTask } = await readOwnClaim(run)
  const { task } = run.training
  const all = checkpointCount(task)
  const segments = await chosenSegments(options, all, file.claim.checkpoints)
  const report = (result: { segments: readonly number[]; difference?: Difference }): ExitCode => {
    const equal = result.difference === undefined
    const elapsed = (now() - start) / 1000
    terminal.result({
      run: directory,
      root: file.root,
      segments: result.segments.length,
      of: all,
      equal,
      ...(result.difference && { difference: result.difference }),
      seconds: elapsed,
    })
    if (result.difference) describe(result.difference, terminal)
    else if (segments.length === 0) terminal.say(`Equal to ${options.against}: the same claim, ${file.root}`)
    else
      terminal.say(
        `Equal: ${result.segments.length} of ${all} segments executed again in ${seconds(1000 * elapsed)}, every committed bit the same. claim ${file.root}`,
      )
    return equal ? EXIT.ok : EXIT.difference
  }
  if (wrongTask) return report({ segments: [], difference: wrongTask })
  const total = segments.reduce((n, segment) => n + segmentSteps(task, segment), 0)
  const bar = terminal.progress('verify', total)
  let behind = 0
  const result = await verifyRun(run, file, executor, segments, (step, segment) => {
    bar.update(behind + step, `segment ${segment}`)
    if (step === segmentSteps(task, segment)) behind += step
  })
  bar.end()
  return report(result)
}

const chosenSegments = async (
  options: VerifyOptions,
  all: number,
  checkpoints: readonly Uint8Array[],
): Promise<number[]> => {
  const every = Array.from({ length: all }, (_, i) => i)
  if (options.against !== undefined) {
    const own = (await readClaim(layoutOf(options.against).claim)).claim.checkpoints
    if (own.length !== all)
      throw badInput(
        'run-differs',
        '--against',
        `${own.length} segments`,
        `${all}`,
        'Name a run of the same manifest and text.',
      )
    const first = every.find((i) => toHex(own[i]!) !== toHex(checkpoints[i]!))
    return first === undefined ? [] : [first]
  }
  if (options.segments !== undefined) {
    for (const segment of options.segments) {
      if (segment < all) continue
      throw badInput(
        'option-invalid',
        '--segments',
        segment,
        `0 to ${all - 1}`,
        'Name segments that the run has.',
      )
    }
    return [...new Set(options.segments)].sort((a, b) => a - b)
  }
  if (options.sample === undefined || options.sample >= all) return every
  for (let i = 0; i < options.sample; i++) {
    const j = randomInt(i, all)
    ;[every[i], every[j]] = [every[j]!, every[i]!]
  }
  return every.slice(0, options.sample).sort((a, b) => a - b)
}

const describe = (difference: Difference, terminal: Terminal): void => {
  if (difference.kind === 'task') {
    terminal.say(`DIFFERENT: the claim is about another task. ${difference.field}:`)
  } else {
    const [first, last] = difference.steps!
    terminal.say(`DIFFERENT: segment ${difference.segment}, steps ${first} to ${last}.`)
  }
  terminal.say(`  committed   ${difference.committed}`)
  terminal.say(`  recomputed  ${difference.recomputed}`)
  if (!difference.tensor) return
  const { name, element, committed, recomputed } = difference.tensor
  terminal.say(`First difference in the checkpoint behind it: ${name}, element ${element}`)
  terminal.say(`  committed   ${committed}`)
  terminal.say(`  recomputed  ${recomputed}`)
}
