import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { StoreError } from './store-error.ts'

export type StoreKind = 'sqlite' | 'postgres'

/**
 * One session with a database, and the only one: it holds the lock that keeps a second node off the store, so that
 * nothing can be written without the lock.
 */
export type Session = {
  readonly kind: StoreKind
  /** Called before each query or transaction, never within one: here a lost session may be replaced. */
  readonly ready: () => Promise<void>
  readonly query: (sql: string, parameters: readonly unknown[]) => Promise<SessionResult>
  readonly close: () => Promise<void>
}

export type SessionResult = {
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  readonly changes?: bigint
  /** What the database says it did, where it says so. */
  readonly command?: string
}

/** Marks what runs inside a change; cleared when the change ends, for what was started in it and goes on. */
export type Change = { open: boolean }
export const currentChange: AsyncLocalStorage<Change> = new AsyncLocalStorage()

/** Kysely over a single session: queries and transactions take turns, in the order in which they were asked for. */
export const sessionDialect = (session: Session): Dialect => ({
  createDriver: () => sessionDriver(session),
  createQueryCompiler: () =>
    session.kind === 'sqlite' ? new SqliteQueryCompiler() : new PostgresQueryCompiler(),
  createAdapter: () => (session.kind === 'sqlite' ? new TurnTakingSqlite() : new PostgresAdapter()),
  createIntrospector: (db) =>
    session.kind === 'sqlite' ? new SqliteIntrospector(db) : new PostgresIntrospector(db),
})

/** Kysely's own turn-taking would wait for ever inside a change, before the driver could say what is wrong. */
class TurnTakingSqlite extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

const sessionDriver = (session: Session): Driver => {
  let last: Promise<void> = Promise.resolve()
  const releases = new WeakMap<DatabaseConnection, () => void>()

  const acquireConnection = async (): Promise<DatabaseConnection> => {
    if (currentChange.getStore()?.open) {
      throw new StoreError(
        'store-misused',
        'a query outside the change that is under way would wait for ever: use the argument that the change was given',
      )
    }
    const before = last
    let release = (): void => undefined
    last = new Promise((resolve) => {
      release = resolve
    })
    await before
    try {
      await session.ready()
    } catch (error) {
      release()
      throw error
    }
    const connection: DatabaseConnection = {
      executeQuery: async <R>({ sql, parameters }: CompiledQuery) => {
        const { rows, changes } = await session.query(sql, parameters)
        return { rows: rows as R[], ...(changes === undefined ? {} : { numAffectedRows: changes }) }
      },
      streamQuery: () => {
        throw new StoreError('store-misused', 'a store does not stream: ask for a bounded number of rows')
      },
    }
    releases.set(connection, release)
    return connection
  }

  return {
    init: async () => undefined,
    acquireConnection,
    releaseConnection: async (connection) => {
      releases.get(connection)?.()
    },
    beginTransaction: async () => {
      await session.query(session.kind === 'sqlite' ? 'begin immediate' : 'begin', [])
    },
    commitTransaction: async () => {
      const { command } = await session.query('commit', [])
      if (command === 'ROLLBACK')
        throw new StoreError('store-misused', 'a change whose query had failed was committed: it was undone')
    },
    rollbackTransaction: async () => {
      // Where it fails nothing is left to undo: the session is gone, or the database has rolled back by itself. What is
      // thrown is the reason for the rollback.
      await session.query('rollback', []).catch(() => undefined)
    },
    destroy: session.close,
  }
}
