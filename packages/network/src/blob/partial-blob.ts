import { closeSync, openSync, writeSync } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fail, ok, type Result } from '@lockstep/tensor'
import { type Entry, HELD } from './blob-entry.ts'
import { isChunkOf } from './blob-hash.ts'
import { CHUNK, chunkLength } from './blob-id.ts'
import { diskFault, syncDirectory, writeAll } from './disk.ts'

/** Bytes after which what was written is brought to the disk. */
const SYNC_BYTES = 2 ** 25

/** A blob that is being completed chunk by chunk. Chunks that were verified once are never asked for again. */
export class PartialBlob {
  readonly digests: Uint8Array
  readonly #entry: Entry
  readonly #data: FileHandle
  readonly #touch: () => void
  #have = -1
  #unsynced = 0
  #syncing: Promise<void> | null = null
  #finishing: Promise<Result<void>> | null = null
  #failed: unknown = null
  #closed = false

  private constructor(entry: Entry, digests: Uint8Array, data: FileHandle, touch: () => void) {
    this.#entry = entry
    this.digests = digests
    this.#data = data
    this.#touch = touch
  }

  /** For the store, which knows that nobody else writes to this blob. */
  static async open(entry: Entry, digests: Uint8Array, touch: () => void): Promise<PartialBlob> {
    const data = await open(join(entry.directory, 'data'), 'r+')
    return new PartialBlob(entry, digests, data, touch)
  }

  /** Chunks that are still missing. */
  get missing(): number {
    return this.#entry.missing
  }

  has(chunk: number): boolean {
    return this.#entry.held === null || this.#entry.held[chunk] !== HELD.missing
  }

  /** Keeps a chunk if it is the right one; false if it was here already. Faults: chunk-garbage, disk-full, disk-failed. */
  async write(chunk: number, bytes: Uint8Array): Promise<Result<boolean>> {
    const entry = this.#entry
    if (this.has(chunk)) return ok(false)
    if (bytes.length !== chunkLength(entry.id, chunk) || !isChunkOf(this.digests, chunk, bytes))
      return fail({
        code: 'chunk-garbage',
        field: `chunk ${chunk} of ${entry.id}`,
        value: `${bytes.length} other bytes`,
        limit: `the ${chunkLength(entry.id, chunk)} bytes that hash to its digest`,
        remedy: 'Ask another source.',
      })
    try {
      if (this.#failed !== null) throw this.#failed
      await writeAll(this.#data, bytes, chunk * CHUNK)
      if (this.has(chunk) || entry.held === null) return ok(false)
      entry.held[chunk] = HELD.written
      entry.missing--
      this.#writeHave(entry.held, chunk, 1)
    } catch (error) {
      return diskFault(error, entry.directory)
    }
    this.#unsynced += bytes.length
    if (this.#unsynced >= SYNC_BYTES) this.#syncInBackground()
    return ok(true)
  }

  /** All chunks are here: the blob is complete from now on, also after a power cut. */
  finish(): Promise<Result<void>> {
    if (this.#entry.missing > 0)
      throw new Error(`${this.#entry.id} is not complete: ${this.#entry.missing} chunks are missing.`)
    this.#finishing ??= this.#finish()
    return this.#finishing
  }

  /** Ends the transfer; what was written is kept. To be called when no `write` is under way. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#finishing
    await this.#syncing
    if (this.#failed === null && this.#unsynced > 0) await this.#sync().catch(() => undefined)
    await this.#data.close()
    this.#closeHave()
    if (this.#entry.writer === this) this.#entry.writer = null
    this.#touch()
  }

  async #finish(): Promise<Result<void>> {
    const entry = this.#entry
    try {
      await this.#syncing
      if (this.#failed !== null) throw this.#failed
      if (entry.held === null) return ok(undefined)
      await this.#data.datasync()
      await unlink(join(entry.directory, 'have'))
      entry.held = null
      this.#closeHave()
      await syncDirectory(entry.directory)
      return ok(undefined)
    } catch (error) {
      return diskFault(error, entry.directory)
    }
  }

  #syncInBackground(): void {
    if (this.#syncing !== null) return
    this.#unsynced = 0
    this.#syncing = this.#sync()
      .catch((error: unknown) => {
        this.#failed = error
      })
      .finally(() => {
        this.#syncing = null
      })
  }

  async #sync(): Promise<void> {
    const { held } = this.#entry
    if (held === null) return
    const written: number[] = []
    held.forEach((state, i) => {
      if (state === HELD.written) written.push(i)
    })
    await this.#data.datasync()
    if (this.#entry.held !== held) return
    for (const i of written) if (held[i] === HELD.written) held[i] = HELD.synced
    this.#writeHave(held, 0, held.length)
  }

  /** Synchronous, so that no later byte is put back to what it was before. */
  #writeHave(held: Uint8Array, from: number, length: number): void {
    if (this.#have < 0) this.#have = openSync(join(this.#entry.directory, 'have'), 'r+')
    writeSync(this.#have, held, from, length, from)
  }

  #closeHave(): void {
    if (this.#have >= 0) closeSync(this.#have)
    this.#have = -1
  }
}
