import { randomUUID } from 'node:crypto'
import { Kysely } from 'kysely'
import { META, writeMeta } from './meta.ts'
import { migrate } from './migrations.ts'
import { postgresSession } from './postgres-session.ts'
import { currentChange, type Session, type StoreKind, sessionDialect } from './session.ts'
import { sqliteSession } from './sqlite-session.ts'
import { StoreError } from './store-error.ts'
import type { Tables } from './tables.ts'

/** What a query can be asked of: the store itself, or a change that is under way. */
export type Query = Kysely<Tables>

/** What a node must not forget. One process has it open at a time; what is reported as stored is on the disk. */
export type Store = {
  readonly kind: StoreKind
  readonly query: Query
  /**
   * One transaction: all of what `task` does is stored, or nothing. Inside, only the argument may be asked; waiting for
   * anything but the store inside it makes everybody else wait too.
   */
  readonly change: <T>(task: (q: Query) => Promise<T>) => Promise<T>
  readonly close: () => Promise<void>
}

export type StoreOptions = {
  /** Milliseconds to wait for a store on PostgreSQL that another node still holds. */
  readonly patience?: number
}

/**
 * Opens a store and brings it to this program's version.
 * `where` is a file for SQLite, or `postgres://user:password@host/database?schema=NAME` (schema `lockstep` if none).
 */
export const openStore = async (where: string, options: StoreOptions = {}): Promise<Store> => {
  const mark = randomUUID()
  const session = /^postgres(ql)?:\/\//.test(where)
    ? await openPostgres(where, options.patience ?? 5_000, mark)
    : sqliteSession(where)
  const query = new Kysely<Tables>({ dialect: sessionDialect(session) })
  try {
    await migrate(query, session.kind)
    await writeMeta(query, META.session, mark)
  } catch (error) {
    await query.destroy()
    await session.close()
    throw error
  }
  return {
    kind: session.kind,
    query,
    change: (task) =>
      query.transaction().execute(async (q) => {
        const change = { open: true }
        try {
          return await currentChange.run(change, () => task(q))
        } finally {
          change.open = false
        }
      }),
    close: async () => {
      await query.destroy()
      await session.close()
    },
  }
}

const openPostgres = (where: string, patience: number, mark: string): Promise<Session> => {
  const url = new URL(where)
  const schema = url.searchParams.get('schema') ?? 'lockstep'
  url.searchParams.delete('schema')
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) {
    throw new StoreError(
      'store-unreachable',
      `schema is ${JSON.stringify(schema)}; allowed: up to 63 small letters, digits and _, no digit first`,
    )
  }
  const resumed = async (query: Session['query']): Promise<void> => {
    const { rows } = await query('select value from meta where key = $1', [META.session])
    if (rows[0]?.value === mark) return
    throw new StoreError(
      'store-lost',
      `while the session with the database was broken off another node has opened the schema ${schema}: restart this one`,
    )
  }
  return postgresSession({ url: url.href, schema, patience, resumed })
}
