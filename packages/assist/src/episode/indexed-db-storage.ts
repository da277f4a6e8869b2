import { AssistError } from '../assist-error.ts'
import { type AssistStorage, checkedKey, checkedValue } from './storage.ts'

/** The part of a browser's database that is used here; the language's own libraries declare it for browsers only. */
type Request<T> = {
  readonly result: T
  readonly error: Error | null
  onsuccess: (() => void) | null
  onerror: (() => void) | null
}
type Store = {
  get(key: string): Request<unknown>
  put(value: unknown, key: string): Request<unknown>
  delete(key: string): Request<unknown>
  getAllKeys(): Request<readonly unknown[]>
}
type Transaction = {
  readonly error: Error | null
  objectStore(name: string): Store
  oncomplete: (() => void) | null
  onerror: (() => void) | null
  onabort: (() => void) | null
}
type Database = {
  createObjectStore(name: string): unknown
  transaction(name: string, mode: 'readonly' | 'readwrite'): Transaction
  close(): void
  onversionchange: (() => void) | null
}
export type DatabaseFactory = {
  open(
    name: string,
    version: number,
  ): Request<Database> & { onupgradeneeded: (() => void) | null; onblocked: (() => void) | null }
}

const STORE = 'values'

const failed = (what: string, error: Error | null): AssistError =>
  new AssistError(
    'storage-invalid',
    what,
    error?.message ?? 'failed',
    "what the browser's database takes",
    'Free some space, or allow this page to store data.',
  )

/**
 * A storage in a browser's own database, under a name of its own. Pages of one origin share it; a private window forgets it.
 * @param factory The browser's `indexedDB`
 */
export const indexedDbStorage = async (name: string, factory: DatabaseFactory): Promise<AssistStorage> => {
  const database = await new Promise<Database>((resolve, reject) => {
    const request = factory.open(name, 1)
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STORE)
    }
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(failed(`database ${name}`, request.error))
    request.onblocked = () =>
      reject(failed(`database ${name}`, new Error('another page holds an old version')))
  })
  database.onversionchange = () => database.close()
  const reading = <T>(ask: (store: Store) => Request<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const request = ask(database.transaction(STORE, 'readonly').objectStore(STORE))
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(failed(`database ${name}`, request.error))
    })
  /** Done when the transaction is, not when it was asked for: a full disk is told then. */
  const writing = (ask: (store: Store) => unknown): Promise<void> =>
    new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, 'readwrite')
      transaction.oncomplete = () => resolve()
      transaction.onerror = () => reject(failed(`database ${name}`, transaction.error))
      transaction.onabort = () => reject(failed(`database ${name}`, transaction.error))
      ask(transaction.objectStore(STORE))
    })
  return {
    get: async (key) => {
      const value = await reading((store) => store.get(checkedKey(key)))
      return value instanceof Uint8Array ? value : undefined
    },
    put: async (key, value) => {
      const [name, bytes] = [checkedKey(key), checkedValue(value).slice()]
      await writing((store) => store.put(bytes, name))
    },
    delete: async (key) => {
      const name = checkedKey(key)
      await writing((store) => store.delete(name))
    },
    list: async (prefix) =>
      (await reading((store) => store.getAllKeys()))
        .filter((key): key is string => typeof key === 'string' && key.startsWith(prefix))
        .sort(),
    close: async () => database.close(),
  }
}
