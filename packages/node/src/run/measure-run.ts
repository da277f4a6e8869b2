import { ok, type Result } from '@lockstep/tensor'
import { startChild } from './child-process.ts'
import type { Limits } from './limits.ts'
import { measureResult } from './messages.ts'
import type { RunSpec } from './run-spec.ts'

/** Units a second of a task's first steps on the executor that it names, in a process of its own. */
export const measureRun = async (
  spec: RunSpec,
  limits: Limits,
  signal?: AbortSignal,
): Promise<Result<number>> => {
  const child = startChild({ job: { kind: 'measure', spec }, limits, result: measureResult, told: () => {} })
  const stop = (): void => void child.stop()
  signal?.addEventListener('abort', stop, { once: true })
  const ended = await child.ended
  signal?.removeEventListener('abort', stop)
  return ended.ok ? ok(ended.value.result.unitsPerSecond) : ended
}
