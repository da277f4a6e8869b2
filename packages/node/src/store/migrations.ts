import { type Kysely, type RawBuilder, sql } from 'kysely'
import { META, readMeta, writeMeta } from './meta.ts'
import type { StoreKind } from './session.ts'
import { StoreError } from './store-error.ts'
import type { Tables } from './tables.ts'

/** Builds version n+1 out of version n. What has once been released is never edited, only followed by another. */
type Migration = (db: Kysely<never>, text: RawBuilder<unknown>) => Promise<void>

const one: Migration = async (db, text) => {
  const { schema } = db
  await schema
    .createTable('blocks')
    .addColumn('number', 'bigint', (c) => c.primaryKey())
    .addColumn('hash', text, (c) => c.notNull())
    .addColumn('parent', text, (c) => c.notNull())
    .addColumn('time', 'bigint', (c) => c.notNull())
    .execute()
  await schema
    .createTable('events')
    .addColumn('block', 'bigint', (c) => c.notNull())
    .addColumn('log_index', 'bigint', (c) => c.notNull())
    .addColumn('block_hash', text, (c) => c.notNull())
    .addColumn('transaction_hash', text, (c) => c.notNull())
    .addColumn('time', 'bigint', (c) => c.notNull())
    .addColumn('contract', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('subject', text)
    .addColumn('args_json', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('events_key', ['block', 'log_index'])
    .execute()
  await schema.createIndex('events_by_name').on('events').columns(['contract', 'name', 'block']).execute()
  await schema.createIndex('events_by_subject').on('events').columns(['subject', 'block']).execute()
  await schema
    .createTable('rollbacks')
    .addColumn('revision', 'bigint', (c) => c.primaryKey())
    .addColumn('ancestor', 'bigint', (c) => c.notNull())
    .execute()

  await schema
    .createTable('outbox')
    .addColumn('intent', text, (c) => c.primaryKey())
    .addColumn('sequence', 'bigint', (c) => c.notNull().unique())
    .addColumn('account', text, (c) => c.notNull())
    .addColumn('target', text, (c) => c.notNull())
    .addColumn('data', text, (c) => c.notNull())
    .addColumn('value', text, (c) => c.notNull())
    .addColumn('call', text, (c) => c.notNull())
    .addColumn('digest', text, (c) => c.notNull())
    .addColumn('gas', 'bigint')
    .addColumn('deadline', 'bigint')
    .addColumn('status', text, (c) => c.notNull())
    .addColumn('nonce', 'bigint')
    .addColumn('fallen', 'bigint', (c) => c.notNull())
    .addColumn('receipt_json', text)
    .addColumn('fault_json', text)
    .addUniqueConstraint('outbox_nonce', ['account', 'nonce'])
    .execute()
  await schema
    .createIndex('outbox_by_status')
    .on('outbox')
    .columns(['account', 'status', 'sequence'])
    .execute()
  await schema
    .createTable('transactions')
    .addColumn('hash', text, (c) => c.primaryKey())
    .addColumn('intent', text, (c) => c.notNull().references('outbox.intent'))
    .addColumn('account', text, (c) => c.notNull())
    .addColumn('nonce', 'bigint', (c) => c.notNull())
    .addColumn('kind', text, (c) => c.notNull())
    .addColumn('raw', text, (c) => c.notNull())
    .addColumn('max_fee', text, (c) => c.notNull())
    .addColumn('tip', text, (c) => c.notNull())
    .execute()
  await schema.createIndex('transactions_by_intent').on('transactions').columns(['intent', 'nonce']).execute()

  await schema
    .createTable('bids')
    .addColumn('digest', text, (c) => c.primaryKey())
    .addColumn('job', 'bigint', (c) => c.notNull())
    .addColumn('account', text, (c) => c.notNull())
    .addColumn('key', text, (c) => c.notNull())
    .addColumn('price_per_unit', text, (c) => c.notNull())
    .addColumn('time', 'bigint', (c) => c.notNull())
    .addColumn('slices', 'bigint', (c) => c.notNull())
    .addColumn('expiry', 'bigint', (c) => c.notNull())
    .addColumn('salt', text, (c) => c.notNull())
    .addColumn('signature', text, (c) => c.notNull())
    .execute()
  await schema.createIndex('bids_by_job').on('bids').columns(['job', 'expiry']).execute()
  await schema
    .createTable('runs')
    .addColumn('job', 'bigint', (c) => c.notNull())
    .addColumn('slice', 'bigint', (c) => c.notNull())
    .addColumn('attempt', 'bigint', (c) => c.notNull())
    .addColumn('status', text, (c) => c.notNull())
    .addColumn('deadline', 'bigint')
    .addColumn('task', text)
    .addColumn('steps_done', 'bigint', (c) => c.notNull())
    .addColumn('claim_json', text)
    .addColumn('salt', text)
    .addColumn('tallies_json', text)
    .addColumn('detail_json', text)
    .addPrimaryKeyConstraint('runs_key', ['job', 'slice', 'attempt'])
    .execute()
  await schema.createIndex('runs_by_status').on('runs').columns(['status']).execute()
  await schema
    .createTable('checkpoints')
    .addColumn('job', 'bigint', (c) => c.notNull())
    .addColumn('slice', 'bigint', (c) => c.notNull())
    .addColumn('attempt', 'bigint', (c) => c.notNull())
    .addColumn('segment', 'bigint', (c) => c.notNull())
    .addColumn('state_root', text, (c) => c.notNull())
    .addColumn('outputs_root', text, (c) => c.notNull())
    .addColumn('item', text, (c) => c.notNull())
    .addColumn('tally', text, (c) => c.notNull())
    .addColumn('blob', text)
    .addPrimaryKeyConstraint('checkpoints_key', ['job', 'slice', 'attempt', 'segment'])
    .addForeignKeyConstraint('checkpoints_run', ['job', 'slice', 'attempt'], 'runs', [
      'job',
      'slice',
      'attempt',
    ])
    .execute()
  await schema
    .createTable('audits')
    .addColumn('audit', text, (c) => c.notNull())
    .addColumn('seat', 'bigint', (c) => c.notNull())
    .addColumn('job', 'bigint', (c) => c.notNull())
    .addColumn('slice', 'bigint', (c) => c.notNull())
    .addColumn('attempt', 'bigint', (c) => c.notNull())
    .addColumn('status', text, (c) => c.notNull())
    .addColumn('deadline', 'bigint')
    .addColumn('segments_json', text, (c) => c.notNull())
    .addColumn('answer', text)
    .addColumn('salt', text)
    .addColumn('detail_json', text)
    .addPrimaryKeyConstraint('audits_key', ['audit', 'seat'])
    .execute()
  await schema.createIndex('audits_by_status').on('audits').columns(['status']).execute()

  await schema
    .createTable('blobs')
    .addColumn('id', text, (c) => c.notNull())
    .addColumn('reason', text, (c) => c.notNull())
    .addColumn('length', 'bigint', (c) => c.notNull())
    .addColumn('held', text, (c) => c.notNull())
    .addColumn('keep_until', 'bigint')
    .addPrimaryKeyConstraint('blobs_key', ['id', 'reason'])
    .execute()
  await schema.createIndex('blobs_by_reason').on('blobs').columns(['reason']).execute()
  await schema
    .createTable('peers')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('addresses_json', text, (c) => c.notNull())
    .addColumn('score', 'bigint', (c) => c.notNull())
    .addColumn('seen_at', 'bigint', (c) => c.notNull())
    .addColumn('banned_until', 'bigint')
    .execute()
}

/** Secrets that are committed to before they are revealed, and announcements that are kept for others. */
const two: Migration = async (db, text) => {
  const { schema } = db
  await schema
    .createTable('secrets')
    .addColumn('name', text, (c) => c.primaryKey())
    .addColumn('secret', text, (c) => c.notNull())
    .execute()
  await schema
    .createTable('announcements')
    .addColumn('job', 'bigint', (c) => c.primaryKey())
    .addColumn('body_json', text, (c) => c.notNull())
    .execute()
}

/** Where the final states and checkpoints of claims are to be had: kept for who comes after a restart. */
const three: Migration = async (db, text) => {
  await db.schema
    .createTable('histories')
    .addColumn('claim', text, (c) => c.primaryKey())
    .addColumn('job', 'bigint', (c) => c.notNull())
    .addColumn('body_json', text, (c) => c.notNull())
    .execute()
  await db.schema.createIndex('histories_by_job').on('histories').column('job').execute()
}

/** What is asked of the outbox at each look: it holds all that a node has ever sent. */
const four: Migration = async ({ schema }) => {
  await schema.createIndex('outbox_by_nonce').on('outbox').columns(['account', 'nonce']).execute()
  await schema.createIndex('outbox_by_sequence').on('outbox').column('sequence').execute()
}

const MIGRATIONS: readonly Migration[] = [one, two, three, four]
export const STORE_VERSION: number = MIGRATIONS.length

/** Brings a store to this program's version, one version a transaction; a newer store is refused. */
export const migrate = async (db: Kysely<Tables>, kind: StoreKind): Promise<void> => {
  // PostgreSQL would order text by the language of its cluster; bytes are the same everywhere.
  const text = kind === 'postgres' ? sql`text collate "C"` : sql`text`
  await db.schema
    .createTable('meta')
    .ifNotExists()
    .addColumn('key', text, (c) => c.primaryKey())
    .addColumn('value', text, (c) => c.notNull())
    .execute()
  for (;;) {
    const version = Number((await readMeta(db, META.version)) ?? 0)
    if (version === STORE_VERSION) return
    if (!(version < STORE_VERSION)) {
      throw new StoreError(
        'store-newer',
        `the store has version ${version}, this program knows versions up to ${STORE_VERSION}: run the newer program, or name another store`,
      )
    }
    await db.transaction().execute(async (q) => {
      await MIGRATIONS[version]!(q as unknown as Kysely<never>, text)
      await writeMeta(q, META.version, `${version + 1}`)
    })
  }
}
