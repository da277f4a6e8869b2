import { chmodSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import type { Session } from './session.ts'
import { StoreError } from './store-error.ts'

const STATEMENTS = 256

/** SQLite's result codes, of which the low byte is the kind. */
const BUSY = 5
const CORRUPT = 11
const NOT_A_DATABASE = 26

/**
 * SQLite in one file. A second file beside it carries the lock: the system lets go of it when the process ends, however
 * it ends, and the store itself stays readable for backups and other tools.
 */
export const sqliteSession = (path: string): Session => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const lock = opening(path, () => holdLock(`${path}.lock`))
  try {
    return sessionOver(path, lock)
  } catch (error) {
    lock.close()
    throw error
  }
}

const holdLock = (path: string): DatabaseSync => {
  const lock = new DatabaseSync(path, { timeout: 0 })
  try {
    lock.exec('pragma locking_mode = exclusive; begin exclusive')
    return lock
  } catch (error) {
    lock.close()
    throw error
  }
}

const sessionOver = (path: string, lock: DatabaseSync): Session => {
  const database = opening(path, () => {
    const opened = new DatabaseSync(path, { timeout: 5_000 })
    try {
      chmodSync(path, 0o600) // it holds the salts of sealed answers
      // Full: what was reported as stored is on the disk, a power cut included.
      opened.exec(
        'pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; pragma trusted_schema = off',
      )
      const found = opened.prepare('pragma quick_check(1)').get()?.quick_check
      if (found !== 'ok') throw damaged(path, `${found}`)
      return opened
    } catch (error) {
      opened.close()
      throw error
    }
  })

  const statements = new Map<string, StatementSync>()
  const prepared = (sql: string): StatementSync => {
    let statement = statements.get(sql)
    if (statement === undefined) {
      if (statements.size >= STATEMENTS) statements.clear()
      statement = database.prepare(sql)
      statements.set(sql, statement)
    }
    return statement
  }
  let closed = false
  return {
    kind: 'sqlite',
    ready: async () => {
      if (closed) throw new StoreError('store-lost', `the store ${path} has been closed`)
    },
    query: async (sql, parameters) => {
      const statement = prepared(sql)
      const values = parameters as readonly SQLInputValue[]
      if (statement.columns().length > 0) return { rows: statement.all(...values).map((row) => ({ ...row })) }
      return { rows: [], changes: BigInt(statement.run(...values).changes) }
    },
    close: async () => {
      if (closed) return
      closed = true
      database.close()
      lock.close()
    },
  }
}

const damaged = (path: string, what: string): StoreError =>
  new StoreError(
    'store-damaged',
    `the store ${path} is damaged (${what}): restore a backup, or move it away and let the node index the chain again`,
  )

const opening = <T>(path: string, open: () => T): T => {
  try {
    return open()
  } catch (error) {
    const code = (error as { readonly errcode?: number }).errcode
    if (code === undefined) throw error
    const { message } = error as Error
    if ((code & 0xff) === BUSY) {
      throw new StoreError(
        'store-locked',
        `another process has the store ${path} open: stop it, or give this node a directory of its own`,
      )
    }
    if ((code & 0xff) === CORRUPT || (code & 0xff) === NOT_A_DATABASE) throw damaged(path, message)
    throw new StoreError(
      'store-unreachable',
      `the store ${path} cannot be opened: ${message}; check the path, its owner and the free space`,
    )
  }
}
