import type { Hex } from 'viem'
import { fromJson, type Json, toJson } from '../store/json.ts'
import { META, readMeta, writeMeta } from '../store/meta.ts'
import type { Query } from '../store/open-store.ts'
import type { EventsTable } from '../store/tables.ts'
import type { Header } from './chain-reads.ts'

/** An event of one of the contracts that are followed. */
export type ChainEvent = {
  readonly block: number
  readonly logIndex: number
  readonly blockHash: Hex
  readonly transactionHash: Hex
  /** The time of its block, in the chain's seconds. */
  readonly time: number
  /** The contract's name with the indexer. */
  readonly contract: string
  readonly name: string
  /** What it is about, such as `job:7`. */
  readonly subject?: string
  readonly args: EventArgs
}
export type EventArgs = { readonly [name: string]: Json | undefined }

/** How far a reader has come: everything up to this event, as the chain was after `revision` rollbacks. */
export type Cursor = { readonly revision: number; readonly block: number; readonly logIndex: number }

export const START: Cursor = { revision: 0, block: -1, logIndex: 0 }

export type EventBatch = {
  /** Everything above this block did not happen: what was made of it has to be undone first. */
  readonly rolledBackTo?: number
  readonly events: readonly ChainEvent[]
  /** To be stored together with what the events did, and given the next time. */
  readonly cursor: Cursor
  /** There was more than the limit. */
  readonly more: boolean
}

/** Within SQLite's and PostgreSQL's limits on the parameters of a query. */
const ROWS_AT_ONCE = 500
/** As a cursor's place in its block: all of it. */
export const WHOLE_BLOCK: number = Number.MAX_SAFE_INTEGER

export const readIndexedTo = async (q: Query): Promise<number | undefined> => {
  const value = await readMeta(q, META.indexedTo)
  return value === undefined ? undefined : Number(value)
}

export const readRevision = async (q: Query): Promise<number> =>
  (
    await q
      .selectFrom('rollbacks')
      .select((e) => e.fn.max('revision').as('revision'))
      .executeTakeFirst()
  )?.revision ?? 0

export const appendBlocks = async (
  q: Query,
  headers: readonly Header[],
  events: readonly ChainEvent[],
  keep: number,
): Promise<void> => {
  const rows = events.map(rowOf)
  for (let i = 0; i < rows.length; i += ROWS_AT_ONCE)
    await q
      .insertInto('events')
      .values(rows.slice(i, i + ROWS_AT_ONCE))
      .execute()
  const blocks = headers.map((h) => ({
    number: h.number,
    hash: h.hash,
    parent: h.parentHash,
    time: h.timestamp,
  }))
  for (let i = 0; i < blocks.length; i += ROWS_AT_ONCE)
    await q
      .insertInto('blocks')
      .values(blocks.slice(i, i + ROWS_AT_ONCE))
      .execute()
  const { number } = headers.at(-1)!
  await q
    .deleteFrom('blocks')
    .where('number', '<=', number - keep)
    .execute()
  await writeMeta(q, META.indexedTo, `${number}`)
}

/** Drops everything above a block and notes that this happened, for readers that were beyond it. */
export const rollBack = async (q: Query, ancestor: number): Promise<void> => {
  await q.deleteFrom('events').where('block', '>', ancestor).execute()
  await q.deleteFrom('blocks').where('number', '>', ancestor).execute()
  await q
    .insertInto('rollbacks')
    .values({ revision: (await readRevision(q)) + 1, ancestor })
    .execute()
  await writeMeta(q, META.indexedTo, `${ancestor}`)
}

export type EventFilter = {
  readonly contract?: string
  readonly names?: readonly string[]
  readonly subject?: string
}

/** What happened after a cursor, in order, and what no longer happened. To be asked within one change. */
export const readEventsSince = async (
  q: Query,
  cursor: Cursor,
  filter: EventFilter = {},
  limit = 1_000,
): Promise<EventBatch> => {
  const revision = await readRevision(q)
  const indexedTo = (await readIndexedTo(q)) ?? -1
  let { block, logIndex } = cursor
  let rolledBackTo: number | undefined
  if (revision > cursor.revision) {
    const deepest = await q
      .selectFrom('rollbacks')
      .select((e) => e.fn.min('ancestor').as('ancestor'))
      .where('revision', '>', cursor.revision)
      .executeTakeFirst()
    const ancestor = deepest?.ancestor ?? block
    if (ancestor < block) {
      rolledBackTo = ancestor
      block = ancestor
      logIndex = WHOLE_BLOCK
    }
  }
  const rows = await filtered(q, filter)
    .where((e) =>
      e.or([e('block', '>', block), e.and([e('block', '=', block), e('log_index', '>', logIndex)])]),
    )
    .limit(limit + 1)
    .execute()
  const more = rows.length > limit
  const events = rows.slice(0, limit).map(eventOf)
  const last = events.at(-1)
  const end = more && last ? last : { block: Math.max(indexedTo, block), logIndex: WHOLE_BLOCK }
  return {
    ...(rolledBackTo === undefined ? {} : { rolledBackTo }),
    events,
    cursor: { revision, block: end.block, logIndex: end.logIndex },
    more,
  }
}

/** All events that fit, in order. */
export const readEvents = async (
  q: Query,
  filter: EventFilter,
  limit = 100_000,
): Promise<readonly ChainEvent[]> => (await filtered(q, filter).limit(limit).execute()).map(eventOf)

const filtered = (q: Query, { contract, names, subject }: EventFilter) => {
  let asked = q.selectFrom('events').selectAll()
  if (contract !== undefined) asked = asked.where('contract', '=', contract)
  if (names !== undefined) asked = asked.where('name', 'in', names.length > 0 ? [...names] : [''])
  if (subject !== undefined) asked = asked.where('subject', '=', subject.toLowerCase())
  return asked.orderBy('block').orderBy('log_index')
}

const rowOf = (event: ChainEvent): EventsTable => ({
  block: event.block,
  log_index: event.logIndex,
  block_hash: event.blockHash,
  transaction_hash: event.transactionHash,
  time: event.time,
  contract: event.contract,
  name: event.name,
  subject: event.subject ?? null,
  args_json: toJson(event.args),
})

const eventOf = (row: EventsTable): ChainEvent => ({
  block: row.block,
  logIndex: row.log_index,
  blockHash: row.block_hash as Hex,
  transactionHash: row.transaction_hash as Hex,
  time: row.time,
  contract: row.contract,
  name: row.name,
  ...(row.subject === null ? {} : { subject: row.subject }),
  args: fromJson(row.args_json) as EventArgs,
})
