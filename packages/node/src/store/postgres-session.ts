import { createHash } from 'node:crypto'
import pg from 'pg'
import type { Session } from './session.ts'
import { StoreError } from './store-error.ts'

const INT8 = 20

export type PostgresPlace = {
  readonly url: string
  readonly schema: string
  /** Milliseconds to wait for a store that another session still holds: a killed node's lives on for a moment. */
  readonly patience: number
  /** Runs in each new session after the first, before anything else: throws where the store has changed hands. */
  readonly resumed: (query: Session['query']) => Promise<void>
}

/**
 * PostgreSQL through one session that holds an advisory lock. When the session breaks off, what was under way fails
 * and the next query makes a new session, with the lock, or fails.
 */
export const postgresSession = async (place: PostgresPlace): Promise<Session> => {
  const { url, schema, patience, resumed } = place
  let client: pg.Client | undefined
  let closed = false

  const connect = async (): Promise<void> => {
    const fresh = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
      statement_timeout: 60_000,
      application_name: 'lockstep',
      types: { getTypeParser },
    })
    // Without a listener a broken connection would end the process.
    fresh.on('error', () => drop(fresh))
    fresh.on('end', () => drop(fresh))
    try {
      await fresh.connect()
      await fresh.query('set synchronous_commit = on')
      await lock(fresh, schema, patience)
      await fresh.query(`create schema if not exists "${schema}"`)
      await fresh.query(`set search_path to "${schema}"`)
    } catch (error) {
      await fresh.end().catch(() => undefined)
      if (error instanceof StoreError) throw error
      throw new StoreError(
        'store-unreachable',
        `the store at ${place.url.replace(/\/\/[^@/]*@/, '//')} cannot be opened: ${(error as Error).message}; check that PostgreSQL runs there and that the user may create schemas`,
      )
    }
    client = fresh
  }
  const drop = (which: pg.Client): void => {
    if (client === which) client = undefined
  }
  const end = async (): Promise<void> => {
    const held = client
    client = undefined
    await held?.end().catch(() => undefined)
  }
  const query: Session['query'] = async (sql, parameters) => {
    if (client === undefined)
      throw new StoreError(
        closed ? 'store-lost' : 'store-interrupted',
        'the session with the database broke off: what was under way is undone',
      )
    const { rows, rowCount, command } = await client.query(sql, [...parameters])
    return { rows: rows ?? [], changes: BigInt(rowCount ?? 0), command }
  }

  await connect()
  return {
    kind: 'postgres',
    query,
    ready: async () => {
      if (closed) throw new StoreError('store-lost', 'the store has been closed')
      if (client !== undefined) return
      await connect()
      try {
        await resumed(query)
      } catch (error) {
        await end()
        throw error
      }
    },
    close: async () => {
      closed = true
      await end()
    },
  }
}

const lock = async (client: pg.Client, schema: string, patience: number): Promise<void> => {
  const key = createHash('sha256').update(`lockstep store ${schema}`).digest().readBigInt64BE().toString()
  const until = performance.now() + patience
  for (;;) {
    const { rows } = await client.query('select pg_try_advisory_lock($1) as held', [key])
    if (rows[0]?.held === true) return
    if (performance.now() >= until) {
      throw new StoreError(
        'store-locked',
        `another node has the schema ${schema} of this database open: stop it, or give this node a schema of its own (?schema=NAME)`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Whole numbers as numbers, as SQLite gives them; everything else as pg does. */
const getTypeParser = ((oid: number, format?: 'text' | 'binary') =>
  oid === INT8 && format !== 'binary'
    ? wholeNumber
    : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser

const wholeNumber = (text: string): number => {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} in the store is beyond 2^53`)
  return value
}
