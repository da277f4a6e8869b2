import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Fault, fail, ok, type Result } from '@lockstep/tensor'
import { z } from 'zod'
import { type ChildHandle, startChild } from './child-process.ts'
import { type Limits, limitsSchema } from './limits.ts'
import { type RunResult as Reached, runResult } from './messages.ts'
import { faultOfError, runFault } from './run-fault.ts'
import type { RunEvent } from './run-segments.ts'
import { type RunSpec, runSpec } from './run-spec.ts'

export type RunOptions = {
  readonly limits: Limits
  readonly tell?: (event: RunEvent) => void
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
export const startRun = (spec: RunSpec, { limits, tell }: RunOptions): RunHandle => {
  const checked = checkSpec(spec, limits)
  if (!checked.ok) return neverStarted(checked.fault)
  try {
    // Made here: the process may write in it, not beside it.
    mkdirSync(checked.value.directory, { recursive: true })
  } catch (error) {
    const fault = faultOfError(error)
    if (fault === undefined) throw error
    return neverStarted(fault)
  }
  const {
    ended,
    send: _,
    ...handle
  } = startChild({
    job: { kind: 'run', spec: checked.value },
    limits,
    threads: spec.executor?.threads ?? 1,
    directory: checked.value.directory,
    result: runResult,
    told: (message) => message.kind === 'event' && tell?.(message.event),
  })
  const result = ended.then(
    (end): Result<RunResult> =>
      end.ok ? ok({ ...end.value.result, peakMemory: end.value.peakMemory }) : end,
  )
  return { ...handle, result }
}

/** What stands for a process that was not worth starting. */
export const neverStarted = (fault: Fault) => {
  const nothing = async (): Promise<void> => {}
  return {
    pid: undefined,
    result: Promise.resolve(fail(fault)),
    pause: nothing,
    resume: nothing,
    stop: nothing,
  }
}

/** A spec with whole paths: the process works from anywhere. */
export const checkSpec = (spec: RunSpec, limits: Limits): Result<z.output<typeof runSpec>> => {
  const parsed = z.object({ spec: runSpec, limits: limitsSchema }).safeParse({ spec, limits })
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return fail(
      runFault('run-invalid', issue!.path.join('.'), 'malformed', issue!.message, 'Correct the spec.').fault,
    )
  }
  const { program, initial, inputs, directory, executor, ...rest } = parsed.data.spec
  return ok({
    ...rest,
    program: resolve(program),
    initial: resolve(initial),
    inputs: inputs.map(({ path, stateOf }) => ({
      path: resolve(path),
      ...(stateOf !== undefined && { stateOf: resolve(stateOf) }),
    })),
    directory: resolve(directory),
    ...(executor && {
      executor: { ...executor, ...(executor.module !== undefined && { module: resolve(executor.module) }) },
    }),
  })
}
