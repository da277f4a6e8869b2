/** What a machine computes on: `executorProbe` lists and proves it, and a node chooses among it. */
export { EXECUTOR_CHOICES, type ExecutorChoice, type ExecutorId, isExecutorChoice } from './id.ts'
export type { KnownExecutor } from './known.ts'
export type { ExecutorInfo, ExecutorListing } from './machine.ts'
export type { Lease, NodeExecutors } from './node-executors.ts'
export { openById } from './open-by-id.ts'
export { executorProbe, type Probe, type Proven } from './probe.ts'
export { type Conformance, proveExecutor } from './prove.ts'
export { measureSpeeds, type Speeds } from './speed.ts'
