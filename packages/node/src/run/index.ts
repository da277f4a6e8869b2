/**
 * Runs tasks in processes of their own, under limits, from checkpoint to checkpoint.
 *
 * - `startRun(spec, options)`: a run, which is continued where an earlier start of it ended.
 * - `auditSegments(spec, segments, options)`: segments of another's run again.
 * Files of tensors are what `encodeTensors` of @lockstep/models writes.
 */
export { type AuditHandle, type AuditOptions, auditSegments } from './audit-segments.ts'
export { type Checkpoint, checkpointItem, encodeCheckpoint, readCheckpoint } from './checkpoint-file.ts'
export type { Limits } from './limits.ts'
export { loadTask } from './load-task.ts'
export type { AuditResult } from './messages.ts'
export type { ExecutorModule, ExecutorModuleOptions } from './open-executor.ts'
export { type RunSummary, readRunDirectory } from './read-run-directory.ts'
export { type RunLayout, readTask, runLayout } from './run-directory.ts'
export type { RunFaultCode } from './run-fault.ts'
export type { RunEvent } from './run-segments.ts'
export { type ExecutorSpec, type InputFile, MAX_SEGMENTS, type RunSpec, type SelfAudit } from './run-spec.ts'
export { openSpares, type Spares, type SparesOptions } from './spares.ts'
export { type RunHandle, type RunOptions, type RunResult, startRun } from './start-run.ts'
