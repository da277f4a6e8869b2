import { AssistError } from '../assist-error.ts'

/**
 * Where an assistant keeps what is the person's: bytes under keys. Keys are 1 to 120 characters of a-z, 0-9, `.`, `-`
 * and `/`, no part of which is empty or only dots. A put is whole or did not happen. Of memory, of a browser's
 * database, of a folder: all the same.
 */
export type AssistStorage = {
  get(key: string): Promise<Uint8Array | undefined>
  put(key: string, value: Uint8Array): Promise<void>
  delete(key: string): Promise<void>
  /** Keys that begin with `prefix`, in ascending order. */
  list(prefix: string): Promise<string[]>
  close(): Promise<void>
}

export const STORAGE_LIMITS = { key: 120, value: 2 ** 26 } as const

const PART = /^(?!\.+$)[a-z0-9.-]+$/

/** The key, if it is one. */
export const checkedKey = (key: string): string => {
  if (key.length <= STORAGE_LIMITS.key && key.split('/').every((part) => PART.test(part))) return key
  throw new AssistError(
    'storage-invalid',
    'key',
    key,
    `1 to ${STORAGE_LIMITS.key} of a-z, 0-9, ".", "-", in parts between "/"`,
    'Use such a key.',
  )
}

/** The value, if it is not too long. */
export const checkedValue = (value: Uint8Array): Uint8Array => {
  if (value.length <= STORAGE_LIMITS.value) return value
  throw new AssistError(
    'storage-invalid',
    'value',
    `${value.length} bytes`,
    `at most ${STORAGE_LIMITS.value} bytes`,
    'Keep less under one key.',
  )
}

/** A storage that lasts as long as it is held. */
export const memoryStorage = (): AssistStorage => {
  const values = new Map<string, Uint8Array>()
  return {
    get: async (key) => values.get(checkedKey(key))?.slice(),
    put: async (key, value) => {
      values.set(checkedKey(key), checkedValue(value).slice())
    },
    delete: async (key) => {
      values.delete(checkedKey(key))
    },
    list: async (prefix) => [...values.keys()].filter((key) => key.startsWith(prefix)).sort(),
    close: async () => {},
  }
}
