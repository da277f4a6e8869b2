import type { Hex } from 'viem'
import { fromJson, type Json, toJson } from './json.ts'
import type { Query } from './open-store.ts'
import type { CheckpointsTable, RunsTable } from './tables.ts'

/** One attempt at one slice of a job. */
export type AttemptKey = { readonly job: number; readonly slice: number; readonly attempt: number }

export const RUN_STATUS = [
  'assigned', // the inputs are being fetched
  'running',
  'executed', // all steps are done, the claim is not yet made
  'claimed',
  'opened', // the tallies have been opened to the auditors
  'settled',
  'declined',
  'failed',
] as const
export type RunStatus = (typeof RUN_STATUS)[number]

/** An attempt that this node was assigned, and how far it has come. */
export type StoredRun = AttemptKey & {
  readonly status: RunStatus
  readonly deadline?: number
  readonly task?: Hex
  readonly stepsDone: number
  readonly sealed?: SealedClaim
  readonly detail?: Json
}

/** What a claim is made of. The salt and the tallies open its seal: they exist nowhere else. */
export type SealedClaim = { readonly claim: Json; readonly salt: Hex; readonly tallies: readonly Hex[] }

export type RunChange = {
  readonly status?: RunStatus
  readonly deadline?: number
  readonly task?: Hex
  readonly stepsDone?: number
  readonly detail?: Json
}

/** Begins a run; one that has begun is left as it is. Gives what is stored. */
export const openRun = async (q: Query, key: AttemptKey, change: RunChange = {}): Promise<StoredRun> => {
  await q
    .insertInto('runs')
    .values({ ...keyOf(key), status: 'assigned', steps_done: 0, ...columns(change) })
    .onConflict((c) => c.columns(['job', 'slice', 'attempt']).doNothing())
    .execute()
  return (await readRun(q, key))!
}

export const readRun = async (q: Query, key: AttemptKey): Promise<StoredRun | undefined> => {
  const row = await q
    .selectFrom('runs')
    .selectAll()
    .where('job', '=', key.job)
    .where('slice', '=', key.slice)
    .where('attempt', '=', key.attempt)
    .executeTakeFirst()
  return row && runOf(row)
}

export const changeRun = async (q: Query, key: AttemptKey, change: RunChange): Promise<void> => {
  const set = columns(change)
  if (Object.keys(set).length === 0) return
  const { numUpdatedRows } = await q
    .updateTable('runs')
    .set(set)
    .where('job', '=', key.job)
    .where('slice', '=', key.slice)
    .where('attempt', '=', key.attempt)
    .executeTakeFirst()
  if (numUpdatedRows !== 1n) throw new Error(`there is no run ${key.job}/${key.slice}/${key.attempt}`)
}

/**
 * Stores what a claim will say, before anybody is told. The first one stays: a node that was killed in between claims
 * with the salt that it had, and gets that one back.
 */
export const sealClaim = async (q: Query, key: AttemptKey, sealed: SealedClaim): Promise<SealedClaim> => {
  await q
    .updateTable('runs')
    .set({ claim_json: toJson(sealed.claim), salt: sealed.salt, tallies_json: toJson(sealed.tallies) })
    .where('job', '=', key.job)
    .where('slice', '=', key.slice)
    .where('attempt', '=', key.attempt)
    .where('salt', 'is', null)
    .execute()
  const held = (await readRun(q, key))?.sealed
  if (held === undefined) throw new Error(`there is no run ${key.job}/${key.slice}/${key.attempt}`)
  return held
}

export const runsWith = async (
  q: Query,
  status: readonly RunStatus[],
  limit = 1_000,
): Promise<readonly StoredRun[]> => {
  const rows = await q
    .selectFrom('runs')
    .selectAll()
    .where('status', 'in', [...status])
    .orderBy('job')
    .orderBy('slice')
    .orderBy('attempt')
    .limit(limit)
    .execute()
  return rows.map(runOf)
}

/** Marks the runs of jobs that are over: what is asked for after a restart does not grow with all that ever was. */
export const endRuns = async (q: Query, isOpen: (job: number) => boolean): Promise<void> => {
  const under = await q.selectFrom('runs').select('job').distinct().where('status', 'in', UNDER_WAY).execute()
  const over = under.map(({ job }) => job).filter((job) => !isOpen(job))
  for (const job of over)
    await q
      .updateTable('runs')
      .set({ status: 'settled' satisfies RunStatus })
      .where('job', '=', job)
      .where('status', 'in', UNDER_WAY)
      .execute()
}
const UNDER_WAY: RunStatus[] = ['assigned', 'running', 'executed', 'claimed', 'opened']

/** The end of a segment that a run has executed. */
export type StoredCheckpoint = {
  readonly segment: number
  readonly stateRoot: Hex
  readonly outputsRoot: Hex
  readonly item: Hex
  readonly tally: Hex
  /** The blob that holds the state, where it is kept. */
  readonly blob?: string
}

/** A segment executed again ends where it ended, or the later execution replaces the earlier. */
export const recordCheckpoint = async (q: Query, key: AttemptKey, at: StoredCheckpoint): Promise<void> => {
  const values = {
    state_root: at.stateRoot,
    outputs_root: at.outputsRoot,
    item: at.item,
    tally: at.tally,
    blob: at.blob ?? null,
  }
  await q
    .insertInto('checkpoints')
    .values({ ...keyOf(key), segment: at.segment, ...values })
    .onConflict((c) => c.columns(['job', 'slice', 'attempt', 'segment']).doUpdateSet(values))
    .execute()
}

export const checkpointsOf = async (q: Query, key: AttemptKey): Promise<readonly StoredCheckpoint[]> => {
  const rows = await q
    .selectFrom('checkpoints')
    .selectAll()
    .where('job', '=', key.job)
    .where('slice', '=', key.slice)
    .where('attempt', '=', key.attempt)
    .orderBy('segment')
    .execute()
  return rows.map(checkpointOf)
}

const keyOf = ({ job, slice, attempt }: AttemptKey) => ({ job, slice, attempt })

const columns = ({ status, deadline, task, stepsDone, detail }: RunChange): Partial<RunsTable> => ({
  ...(status === undefined ? {} : { status }),
  ...(deadline === undefined ? {} : { deadline }),
  ...(task === undefined ? {} : { task }),
  ...(stepsDone === undefined ? {} : { steps_done: stepsDone }),
  ...(detail === undefined ? {} : { detail_json: toJson(detail) }),
})

const runOf = (row: RunsTable): StoredRun => ({
  job: row.job,
  slice: row.slice,
  attempt: row.attempt,
  status: row.status as RunStatus,
  stepsDone: row.steps_done,
  ...(row.deadline === null ? {} : { deadline: row.deadline }),
  ...(row.task === null ? {} : { task: row.task as Hex }),
  ...(row.salt === null || row.claim_json === null || row.tallies_json === null
    ? {}
    : {
        sealed: {
          claim: fromJson(row.claim_json),
          salt: row.salt as Hex,
          tallies: fromJson(row.tallies_json) as readonly Hex[],
        },
      }),
  ...(row.detail_json === null ? {} : { detail: fromJson(row.detail_json) }),
})

const checkpointOf = (row: CheckpointsTable): StoredCheckpoint => ({
  segment: row.segment,
  stateRoot: row.state_root as Hex,
  outputsRoot: row.outputs_root as Hex,
  item: row.item as Hex,
  tally: row.tally as Hex,
  ...(row.blob === null ? {} : { blob: row.blob }),
})
