import type { Hex } from '@lockstep/proof'
import { describeFault, type Result } from '@lockstep/tensor'
import type { Limits } from '../run/limits.ts'
import { measureRun } from '../run/measure-run.ts'
import type { RunFaultCode } from '../run/run-fault.ts'
import type { RunSpec } from '../run/run-spec.ts'
import type { NodeParts } from './parts.ts'

/** Seconds that an executor has to come to its first steps of a program, from the start of its process. */
const MEASURE_SECONDS = 45

/** What may be the device's fault and not the task's: it is tried elsewhere before anybody else is told. */
const OF_A_DEVICE: readonly string[] = [
  'run-device',
  'run-crashed',
  'run-over-memory',
] satisfies readonly RunFaultCode[]

/** A task whose files are here, and what it is in logs. */
export type Work = {
  readonly spec: RunSpec
  readonly program: Hex
  readonly limits: Limits
  readonly about: { readonly [field: string]: unknown }
}

/**
 * Carries out work on the executor that is the fastest for its program and free. Where a device fails the work begins
 * again on the next one, from the last checkpoint that it kept, and on the processor in the end.
 */
export const onExecutors = async <T>(
  { executors, log, stopped }: Pick<NodeParts, 'executors' | 'log' | 'stopped'>,
  { spec, program, limits, about }: Work,
  carryOut: (spec: RunSpec) => Promise<Result<T>>,
): Promise<Result<T>> => {
  if (spec.executor?.module !== undefined) return carryOut(spec)
  const onto = (on: NonNullable<RunSpec['executor']>['on']): RunSpec =>
    on === undefined ? spec : { ...spec, executor: { ...spec.executor, on } }
  for (;;) {
    const { on, release } = await executors.lease(program, (candidate) =>
      measureRun(onto(candidate), { ...limits, time: MEASURE_SECONDS }, stopped),
    )
    try {
      if (on !== undefined) log.info({ ...about, executor: on }, `computes on ${on}`)
      const result = await carryOut(onto(on))
      if (result.ok || on === undefined || stopped.aborted) return result
      if (!OF_A_DEVICE.includes(result.fault.code)) return result
      executors.failed(on, program, describeFault(result.fault))
      log.warn({ ...about, executor: on }, `${on} failed: the work goes on elsewhere from what is kept of it`)
    } finally {
      release()
    }
  }
}
