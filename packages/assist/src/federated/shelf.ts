import type { Hex } from '@lockstep/proof'
import { bytesHash } from './parameters.ts'

/** Where a keeper's bytes lie: an AssistStorage is one. */
export type ShelfStorage = {
  get(key: string): Promise<Uint8Array | undefined>
  put(key: string, value: Uint8Array): Promise<void>
  delete(key: string): Promise<void>
}

/** Bytes by their SHA-256. */
export type Shelf = {
  get(hash: Hex): Promise<Uint8Array | undefined>
  put(bytes: Uint8Array): Promise<Hex>
  delete(hash: Hex): Promise<void>
}

/** Bytes under the name of their hash; what has been damaged in the storage is not there. */
export const createShelf = (storage: ShelfStorage): Shelf => ({
  get: async (hash) => {
    const bytes = await storage.get(keyOf(hash))
    return bytes !== undefined && bytesHash(bytes) === hash ? bytes : undefined
  },
  put: async (bytes) => {
    const hash = bytesHash(bytes)
    await storage.put(keyOf(hash), bytes)
    return hash
  },
  delete: (hash) => storage.delete(keyOf(hash)),
})

const keyOf = (hash: Hex): string => `rounds/blob/${hash.slice(2)}`
