import { type FileHandle, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fail, ok, type Result } from '@lockstep/tensor'
import { type Entry, HELD } from './blob-entry.ts'
import { isChunkOf } from './blob-hash.ts'
import { CHUNK, chunkLength } from './blob-id.ts'
import { diskFault, syncDirectory, writeAll, writeAllOf } from './disk.ts'

/** Bytes after which what was written is brought to the disk. */
const SYNC_BYTES = 2 ** 25

type Queued = {
  readonly chunk: number
  readonly bytes: Uint8Array
  readonly resolve: (kept: boolean) => void
  readonly reject: (error: unknown) => void
}

/** A blob that is being completed chunk by chunk. Chunks that were verified once are never asked for again. */
export class PartialBlob {
  readonly digests: Uint8Array
  readonly #entry: Entry
  readonly #data: FileHandle
  readonly #touch: () => void
  readonly #queue: Queued[] = []
  #writing = false
  #have: FileHandle | null = null
  #noting: Promise<void> = Promise.resolve()
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

  /** Keeps a chunk if it is the right one, and needs its bytes until then; false if it was here already. Faults: chunk-garbage, disk-full, disk-failed. */
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
    const { promise, resolve, reject } = Promise.withResolvers<boolean>()
    this.#queue.push({ chunk, bytes, resolve, reject })
    if (!this.#writing) void this.#writeQueued()
    try {
      return ok(await promise)
    } catch (error) {
      return diskFault(error, entry.directory)
    }
  }

  /** What came during one write goes with the next: a call costs as much as the bytes of a chunk do. */
  async #writeQueued(): Promise<void> {
    this.#writing = true
    while (this.#queue.length > 0) {
      const run = [this.#queue.shift()!]
      while (this.#queue[0]?.chunk === run.at(-1)!.chunk + 1) run.push(this.#queue.shift()!)
      try {
        if (this.#failed !== null) throw this.#failed
        await writeAllOf(
          this.#data,
          run.map((one) => one.bytes),
          run[0]!.chunk * CHUNK,
        )
        const kept = await this.#note(run)
        for (const one of run) one.resolve(kept.has(one))
      } catch (error) {
        for (const one of run) one.reject(error)
      }
    }
    this.#writing = false
  }

  /** The ones that were not here yet. */
  async #note(run: readonly Queued[]): Promise<Set<Queued>> {
    const { held } = this.#entry
    const kept = new Set<Queued>()
    if (held === null) return kept
    for (const one of run) {
      if (held[one.chunk] !== HELD.missing) continue
      held[one.chunk] = HELD.written
      this.#entry.missing--
      this.#unsynced += one.bytes.length
      kept.add(one)
    }
    await this.#writeHave(held, run[0]!.chunk, run.length)
    if (this.#unsynced >= SYNC_BYTES) this.#syncInBackground()
    return kept
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
    await this.#closeHave()
    if (this.#entry.writer === this) this.#entry.writer = null
    this.#touch()
  }

  async #finish(): Promise<Result<void>> {
    const entry = this.#entry
    try {
      await this.#syncing
      if (this.#failed !== null) throw this.#failed
      await this.#noting
      if (entry.held === null) return ok(undefined)
      await this.#data.datasync()
      await unlink(join(entry.directory, 'have'))
      entry.held = null
      await this.#closeHave()
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
    await this.#writeHave(held, 0, held.length)
  }

  /** One after the other, each with the newest values, so that no byte is put back to what it was before. */
  #writeHave(held: Uint8Array, from: number, length: number): Promise<void> {
    const write = async (): Promise<void> => {
      if (this.#entry.held !== held) return
      this.#have ??= await open(join(this.#entry.directory, 'have'), 'r+')
      await writeAll(this.#have, held.subarray(from, from + length), from)
    }
    const written = this.#noting.then(write)
    this.#noting = written.catch(() => undefined)
    return written
  }

  async #closeHave(): Promise<void> {
    await this.#noting
    await this.#have?.close()
    this.#have = null
  }
}
