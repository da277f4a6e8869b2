/**
 * The columns of a node's store. Numbers are whole and within 2^53; amounts, salts and roots are text, because they
 * are not; a column that ends in `json` is read with fromJson and checked by whoever reads it.
 */
export type Tables = {
  readonly meta: MetaTable
  readonly blocks: BlocksTable
  readonly events: EventsTable
  readonly rollbacks: RollbacksTable
  readonly outbox: OutboxTable
  readonly transactions: TransactionsTable
  readonly bids: BidsTable
  readonly runs: RunsTable
  readonly checkpoints: CheckpointsTable
  readonly audits: AuditsTable
  readonly blobs: BlobsTable
  readonly peers: PeersTable
  readonly secrets: SecretsTable
  readonly announcements: AnnouncementsTable
  readonly histories: HistoriesTable
}

export type MetaTable = { key: string; value: string }

/** The last blocks that were followed, so that a reorganisation is seen and its beginning found. */
export type BlocksTable = { number: number; hash: string; parent: string; time: number }

export type EventsTable = {
  block: number
  log_index: number
  block_hash: string
  transaction_hash: string
  /** The block's time, in the chain's seconds. */
  time: number
  /** The contract's name with the indexer, not its address. */
  contract: string
  name: string
  /** What it is about, such as `job:7`; null where the contract has no rule for this event. */
  subject: string | null
  args_json: string
}

/** Each time that the chain took back blocks: everything above `ancestor` was dropped. */
export type RollbacksTable = { revision: number; ancestor: number }

export type OutboxTable = {
  intent: string
  /** The order in which intents came in. */
  sequence: number
  account: string
  target: string
  data: string
  value: string
  call: string
  /** keccak256 over account, target, value and data: an intent never changes its mind. */
  digest: string
  gas: number | null
  /** Not sent after this time, in the chain's seconds. */
  deadline: number | null
  status: string
  nonce: number | null
  /** 1 where it was mined once, and the chain took that back. */
  fallen: number
  receipt_json: string | null
  fault_json: string | null
}

/** Every transaction that was ever signed for an intent. All of one nonce exclude each other. */
export type TransactionsTable = {
  hash: string
  intent: string
  account: string
  nonce: number
  /** `call`, or `nothing` where it only uses up the nonce. */
  kind: string
  raw: string
  max_fee: string
  tip: string
}

export type BidsTable = {
  /** The EIP-712 digest that was signed. */
  digest: string
  job: number
  account: string
  key: string
  price_per_unit: string
  time: number
  slices: number
  expiry: number
  salt: string
  signature: string
}

/** One attempt at a slice that this node was assigned. */
export type RunsTable = {
  job: number
  slice: number
  attempt: number
  status: string
  /** When it has to be claimed, in the chain's seconds. */
  deadline: number | null
  /** The task in the disputes contract. */
  task: string | null
  steps_done: number
  /** What the claim says: roots, path, sealed tallies. */
  claim_json: string | null
  /** What opens the sealed tallies: lost, it costs the stake. */
  salt: string | null
  tallies_json: string | null
  detail_json: string | null
}

/** Where a run can go on after a restart, and what a dispute will ask for. */
export type CheckpointsTable = {
  job: number
  slice: number
  attempt: number
  segment: number
  state_root: string
  outputs_root: string
  item: string
  tally: string
  /** The blob that holds the state, where it is kept. */
  blob: string | null
}

/** A seat that this node was drawn for. */
export type AuditsTable = {
  audit: string
  seat: number
  job: number
  slice: number
  attempt: number
  status: string
  deadline: number | null
  segments_json: string
  answer: string | null
  salt: string | null
  detail_json: string | null
}

export type BlobsTable = {
  id: string
  length: number
  /** `none` of its chunks, `part`, or `whole`. */
  held: string
  /** Why it is kept: `job:7`, `run:7/0/0`. One row for each reason. */
  reason: string
  /** When the reason ends, in the chain's seconds; null: as long as the reason stands. */
  keep_until: number | null
}

export type PeersTable = {
  id: string
  addresses_json: string
  /** Thousandths; below zero it has cheated or failed. */
  score: number
  seen_at: number
  banned_until: number | null
}

export type SecretsTable = { name: string; secret: string }

export type AnnouncementsTable = { job: number; body_json: string }

export type HistoriesTable = { claim: string; job: number; body_json: string }
