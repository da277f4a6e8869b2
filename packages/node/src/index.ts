export * from './chain/chain-clock.ts'
export { tieToChain } from './chain/chain-identity.ts'
export type { ChainReader } from './chain/chain-reads.ts'
export {
  type ChainEvent,
  type Cursor,
  type EventArgs,
  type EventBatch,
  type EventFilter,
  START,
} from './chain/event-log.ts'
export type { IndexedContract } from './chain/indexed-contract.ts'
export * from './chain/indexer.ts'
export { INTENT_STATUS, type Intent, type IntentStatus } from './chain/outbox.ts'
export * from './chain/transactor.ts'
export * from './config/parse.ts'
export * from './config/schema.ts'
export * from './config/template.ts'
export { type NodeViewsOptions, nodeViews } from './daemon/node-views.ts'
export * from './daemon/prepare-account.ts'
export { type LockstepNode, type NodeOptions, startNode } from './daemon/start-node.ts'
export * from './executors/index.ts'
export * from './flow/duty.ts'
export * from './flow/live.ts'
export * from './http/client.ts'
export { ENDPOINTS, type Endpoint, type EndpointName } from './http/endpoints.ts'
export * from './http/metrics.ts'
export { openApi } from './http/openapi.ts'
export * from './http/server.ts'
export { readToken } from './http/token.ts'
export type {
  AccountView,
  EarningsView,
  Explanation,
  Health,
  JobsView,
  JobView,
  NodeStatus,
  NodeViews,
} from './http/views.ts'
export * from './keys/delegation.ts'
export * from './keys/import-secret.ts'
export * from './keys/keyring.ts'
export * from './keys/keystore.ts'
export * from './keys/passphrase.ts'
export { makePrivateDirectory, writePrivate as writeKeyFile } from './keys/private-file.ts'
export * from './keys/recovery-phrase.ts'
export * from './keys/secret.ts'
export { createLog, type Log, type LogOptions } from './log.ts'
export * from './policy/capability.ts'
export * from './policy/may-bid.ts'
export { type Auction, floorPrice, type Leader } from './policy/price.ts'
export * from './policy/surroundings.ts'
export * from './run/index.ts'
export * from './store/audits.ts'
export * from './store/bids.ts'
export * from './store/blobs.ts'
export { fromJson, type Json, toJson } from './store/json.ts'
export { META, readMeta, writeMeta } from './store/meta.ts'
export { STORE_VERSION } from './store/migrations.ts'
export * from './store/open-store.ts'
export * from './store/peers.ts'
export * from './store/runs.ts'
export type { StoreKind } from './store/session.ts'
export { StoreError, type StoreFault } from './store/store-error.ts'
export type { Tables } from './store/tables.ts'
export { type Child, type Lock, readHolder, takeLock } from './supervisor/lock-file.ts'
export { type Part, type RunningPart, servicePart } from './supervisor/part.ts'
export { isRunning, type ProcessIdentity } from './supervisor/process-identity.ts'
export { endWithParent, type ProcessPartOptions, processPart, sayReady } from './supervisor/process-part.ts'
export { type RunPartsOptions, runParts } from './supervisor/run-parts.ts'
export { stopOrphans } from './supervisor/stop-orphans.ts'
export { onStopSignals } from './supervisor/stop-signals.ts'
export { type PartState, type PartStatus, type Supervisor, supervise } from './supervisor/supervise.ts'
