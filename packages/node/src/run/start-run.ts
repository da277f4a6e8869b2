import { resolve } from 'node:path'
import { ok, type Result } from '@lockstep/tensor'
import { type ChildHandle, startChild } from './child-process.ts'
import type { Limits } from './limits.ts'
import { type RunResult as Reached, runResult } from './messages.ts'
import { runLayout } from './run-directory.ts'
import type { RunEvent } from './run-segments.ts'
import type { RunSpec } from './run-spec.ts'
import type { Spares } from './spares.ts'

export type RunOptions = {
  readonly limits: Limits
  readonly tell?: (event: RunEvent) => void
  /** Processes that wait for jobs; without them each one is started. */
  readonly spares?: Spares
}

/** What a run reached, and the most memory its process had. */
export type RunResult = Reached & { readonly peakMemory: number }

export type RunHandle = Omit<ChildHandle<never>, 'ended' | 'send'> & {
  /** How the run ended. Never rejects; every fault's code is a RunFaultCode. */
  readonly result: Promise<Result<RunResult>>
}

/**
 * Runs a task in a process of its own, from the last checkpoint that an earlier start of it left in the directory.
 * However often it is killed, it ends with the same bytes.
 */
export const startRun = (spec: RunSpec, { limits, tell, spares }: RunOptions): RunHandle => {
  const child = startChild({
    job: { kind: 'run', spec },
    limits,
    spares,
    result: runResult,
    told: (message) => message.kind === 'event' && tell?.(message.event),
  })
  const { state } = runLayout(resolve(spec.directory))
  const { ended, send: _, ...handle } = child
  const result = ended.then(
    (end): Result<RunResult> =>
      // The process may know its directory by another name.
      end.ok ? ok({ ...end.value.result, state, peakMemory: end.value.peakMemory }) : end,
  )
  return { ...handle, result }
}
