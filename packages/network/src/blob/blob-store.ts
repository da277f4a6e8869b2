import { createReadStream, mkdirSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { type Fault, FaultError, fail, ok, type Result } from '@lockstep/tensor'
import { type Entry, footprint, HELD } from './blob-entry.ts'
import { areDigestsOf, BlobHasher, chunkDigest, DIGEST, isChunkOf } from './blob-hash.ts'
import { type BlobId, blobLength, CHUNK, chunkCount, chunkLength, MAX_BLOB, parseBlobId } from './blob-id.ts'
import { type BlobIndex, openBlobIndex } from './blob-index.ts'
import { ChunkSet } from './chunk-set.ts'
import { diskFault, readAll, replaceFile, syncDirectory, writeAll, writeSynced } from './disk.ts'
import { PartialBlob } from './partial-blob.ts'
import { recoverEntry } from './recover-entry.ts'

/*
 * On disk:
 *   index.sqlite               pins, order of use, the lock
 *   blobs/ID/data              the bytes
 *   blobs/ID/digests           the chunk digests, packed
 *   blobs/ID/have              one byte per chunk (HELD); only while the blob is partial
 *   incoming/N/...             blobs that are being put, and ones that are being removed; emptied at open
 * A blob's directory appears and vanishes by one rename. Nothing below it is believed before it was hashed.
 */

export type BlobStoreOptions = {
  /** What all blobs may take on the disk. Unpinned ones give way, the least recently used first. */
  readonly maxBytes: number
  /** What the store leaves free on its disk for others; 64 MiB where nothing is said. */
  readonly minFreeBytes?: number
  /** Pins of all blobs together; `pinsFor(maxBytes)` where nothing is said. */
  readonly maxPins?: number
}

/**
 * A pin for each chunk's worth of disk, and 65,536 however small the disk: a blob that all jobs name, such as a
 * tokenizer, has as many pins as there are open jobs. A million of them take about 150 MB of memory.
 */
export const pinsFor = (maxBytes: number): number =>
  Math.min(2 ** 20, Math.max(2 ** 16, Math.floor(maxBytes / CHUNK)))

export type BlobStat = {
  readonly id: BlobId
  readonly length: number
  readonly chunks: number
  /** Chunks that are here and were verified. */
  readonly held: number
  readonly complete: boolean
  readonly pins: readonly string[]
}

/** What `openBlobStore` found and mended. */
export type BlobRepairs = {
  /** Chunks whose writing was cut off: they are missing now. */
  readonly torn: number
  /** Complete blobs whose file had the wrong length: the chunks that still verify are kept. */
  readonly shortened: readonly BlobId[]
  /** Blobs that could not be told from noise and are gone. */
  readonly discarded: readonly string[]
  /** The index was damaged. All blobs that are here have the pin `recovered`, so that none is evicted unseen. */
  readonly pinsLost: boolean
}

/** Bytes `from` to `to`, `to` not included. */
export type Range = { readonly from: number; readonly to: number }

export type BlobSource = Uint8Array | AsyncIterable<Uint8Array> | { readonly file: string }

/** The most that `read` gives at once; `stream` has no limit. */
export const MAX_READ = 2 ** 26
const MAX_REASON = 200
const OPEN_FILES = 16
const DIGEST_CACHE = 2 ** 25

export const openBlobStore = async (
  directory: string,
  options: BlobStoreOptions,
): Promise<Result<BlobStore>> => {
  try {
    mkdirSync(join(directory, 'blobs'), { recursive: true })
    const index = openBlobIndex(directory)
    if (!index.ok) return index
    const store = new BlobStore(directory, options, index.value)
    try {
      await store.recover()
    } catch (error) {
      await store.close()
      throw error
    }
    return ok(store)
  } catch (error) {
    return diskFault(error, directory)
  }
}

/** Blobs on a disk. Every byte that it gives was hashed as it was read. One process at a time. */
export class BlobStore {
  readonly directory: string
  readonly options: BlobStoreOptions
  readonly #index: BlobIndex
  readonly #entries = new Map<BlobId, Entry>()
  readonly #digests = new Map<BlobId, Uint8Array>()
  /** Files that are being read, or were lately. */
  readonly #files = new Map<BlobId, Promise<FileHandle>>()
  readonly #touched = new Map<BlobId, number>()
  #repairs: BlobRepairs = { torn: 0, shortened: [], discarded: [], pinsLost: false }
  #bytes = 0
  #sequence = 0
  #incoming = 0
  #flush: NodeJS.Timeout | null = null
  #closed = false

  /** `openBlobStore` is the way in. */
  constructor(directory: string, options: BlobStoreOptions, index: BlobIndex) {
    this.directory = directory
    this.options = options
    this.#index = index
    for (const place of index.used.values()) this.#sequence = Math.max(this.#sequence, place)
  }

  get repairs(): BlobRepairs {
    return this.#repairs
  }

  usage(): { readonly bytes: number; readonly maxBytes: number; readonly blobs: number } {
    return { bytes: this.#bytes, maxBytes: this.options.maxBytes, blobs: this.#entries.size }
  }

  /** Whether the whole blob is here. */
  has(id: BlobId): boolean {
    return this.#entries.get(id)?.held === null
  }

  stat(id: BlobId): BlobStat | undefined {
    const entry = this.#entries.get(id)
    return entry && this.#statOf(entry)
  }

  list(): BlobStat[] {
    return [...this.#entries.values()].map((entry) => this.#statOf(entry))
  }

  /** The chunks that are here; none of a blob that is unknown. */
  chunks(id: BlobId): ChunkSet {
    const entry = this.#entries.get(id)
    if (entry === undefined) return new ChunkSet(chunkCount(id))
    if (entry.held === null) return ChunkSet.full(chunkCount(id))
    const set = new ChunkSet(chunkCount(id))
    entry.held.forEach((state, i) => {
      if (state !== HELD.missing) set.add(i)
    })
    return set
  }

  /** Stores a blob, and pins it first where a reason is given. Faults: blob-store-full, disk-full, blob-too-long. */
  async put(source: BlobSource, options: { readonly pin?: string } = {}): Promise<Result<BlobId>> {
    this.#assertOpen()
    const place = await this.#newIncoming()
    if (!place.ok) return place
    let reserved = 0
    try {
      // Where the length is known, no other blob gives way to one that does not fit.
      const known = await lengthOf(source)
      if (!known.ok) return known
      if (known.value > MAX_BLOB) return tooLong(known.value)
      const room = await this.#reserve(known.value)
      if (!room.ok) return room
      reserved = known.value
      const file = await open(join(place.value, 'data'), 'w')
      const hasher = new BlobHasher()
      try {
        for await (const piece of piecesOf(source)) {
          if (hasher.length + piece.length > MAX_BLOB) return tooLong(hasher.length + piece.length)
          const at = hasher.length
          const more = Math.max(0, at + piece.length - reserved)
          const room = more > 0 ? await this.#reserve(more) : ok(undefined)
          if (!room.ok) return room
          reserved += more
          hasher.update(piece)
          await writeAll(file, piece, at)
        }
        await file.datasync()
      } finally {
        await file.close()
      }
      const { id, digests } = hasher.digest()
      await writeSynced(join(place.value, 'digests'), digests)
      await syncDirectory(place.value)
      this.#bytes -= reserved
      reserved = 0
      if (options.pin !== undefined) this.pin(id, options.pin)
      const kept = await this.#keep(id, place.value)
      return kept.ok ? ok(id) : kept
    } catch (error) {
      return diskFault(error, this.directory)
    } finally {
      this.#bytes -= reserved
      await this.#discard(place.value)
    }
  }

  /** Some bytes of a blob, at most MAX_READ; all of it where no range is given. Faults: blob-missing, chunk-missing, chunk-damaged, range. */
  async read(id: BlobId, range?: Range): Promise<Result<Uint8Array>> {
    const { from, to } = range ?? { from: 0, to: blobLength(id) }
    const inside = Number.isSafeInteger(from) && Number.isSafeInteger(to) && 0 <= from && from <= to
    if (!inside || to > blobLength(id) || to - from > MAX_READ)
      return fail({
        code: 'range',
        field: `range of ${id}`,
        value: `${from} to ${to}`,
        limit: `0 to ${blobLength(id)}, at most ${MAX_READ} bytes at once`,
        remedy: 'Read less at once, or take the stream.',
      })
    const bytes = new Uint8Array(to - from)
    try {
      let at = 0
      for await (const piece of this.stream(id, { from, to })) {
        bytes.set(piece, at)
        at += piece.length
      }
      return ok(bytes)
    } catch (error) {
      if (error instanceof FaultError) return fail(error.fault)
      throw error
    }
  }

  /** The bytes of a blob in pieces of at most a chunk, each verified. Throws a FaultError where `read` has a fault. */
  async *stream(id: BlobId, range?: Range): AsyncGenerator<Uint8Array> {
    const { from, to } = range ?? { from: 0, to: blobLength(id) }
    if (!this.#entries.has(id)) throw new FaultError(missingBlob(id))
    for (let chunk = Math.floor(from / CHUNK); chunk * CHUNK < to; chunk++) {
      const bytes = await this.readChunk(id, chunk)
      if (!bytes.ok) throw new FaultError(bytes.fault)
      yield bytes.value.subarray(Math.max(0, from - chunk * CHUNK), Math.min(CHUNK, to - chunk * CHUNK))
    }
  }

  /** One chunk, verified. Faults: blob-missing, chunk-missing, chunk-damaged. */
  readChunk(id: BlobId, chunk: number): Promise<Result<Uint8Array>> {
    return this.readRun(id, chunk, 1)
  }

  /**
   * As many of `count` chunks from `first` on as are here one behind the other, at least one, each verified. A chunk that
   * does not verify any more is missing from then on, so that a transfer fetches it again. They come at the start of
   * `into` where it is given: it has room for all of them.
   */
  async readRun(id: BlobId, first: number, count: number, into?: Uint8Array): Promise<Result<Uint8Array>> {
    this.#assertOpen()
    const entry = this.#entries.get(id)
    if (entry === undefined) return fail(missingBlob(id))
    const here = (chunk: number): boolean =>
      chunk < chunkCount(id) && (entry.held === null || entry.held[chunk] !== HELD.missing)
    let end = first
    while (end < first + count && here(end)) end++
    if (end === first) return fail(missingChunk(id, first))
    this.#touch(entry)
    const digests = await this.digests(id)
    if (!digests.ok) return digests
    const bytes = await this.#runFromDisk(entry, first, end, into)
    let chunk = first
    for (let at = 0; chunk < end; chunk++) {
      const length = chunkLength(id, chunk)
      if (!isChunkOf(digests.value, chunk, bytes.subarray(at, at + length))) break
      at += length
    }
    if (chunk === end) return ok(bytes)
    if (this.#entries.get(id) !== entry) return fail(missingBlob(id))
    try {
      await this.#lose(entry, chunk)
    } catch (error) {
      return diskFault(error, entry.directory)
    }
    if (chunk > first) return ok(bytes.subarray(0, (chunk - first) * CHUNK))
    return fail({
      code: 'chunk-damaged',
      field: `chunk ${chunk} of ${id}`,
      value: 'other bytes than were stored',
      limit: 'bytes that hash to its digest',
      remedy: 'Fetch the blob again: only what is damaged is fetched. Look at the disk.',
    })
  }

  /** Hashes all that is here. Gives the chunks that are damaged; they are missing now. */
  async verify(id: BlobId): Promise<Result<number[]>> {
    const damaged: number[] = []
    for (let chunk = 0; chunk < chunkCount(id); chunk++) {
      const bytes = await this.readChunk(id, chunk)
      if (bytes.ok || bytes.fault.code === 'chunk-missing') continue
      if (bytes.fault.code !== 'chunk-damaged') return bytes
      damaged.push(chunk)
    }
    return this.#entries.has(id) ? ok(damaged) : fail(missingBlob(id))
  }

  /** The packed chunk digests of a blob that is here, whole or in part, verified against its id. */
  async digests(id: BlobId): Promise<Result<Uint8Array>> {
    const cached = this.#digests.get(id)
    if (cached !== undefined) return ok(cached)
    const entry = this.#entries.get(id)
    if (entry === undefined) return fail(missingBlob(id))
    try {
      let digests: Uint8Array = await readFile(join(entry.directory, 'digests')).catch(() => Buffer.alloc(0))
      if (!areDigestsOf(id, digests)) {
        const again = entry.held === null ? await this.#digestsFromData(entry) : null
        if (again === null) {
          await this.#remove(entry)
          return fail(missingBlob(id))
        }
        await replaceFile(join(entry.directory, 'digests'), again)
        digests = again
      }
      this.#cacheDigests(id, digests)
      return ok(digests)
    } catch (error) {
      return diskFault(error, entry.directory)
    }
  }

  /**
   * Opens a blob for its missing chunks, or begins it: then `digests` are needed. Room for the whole is taken at once.
   * Faults: blob-digests-wrong, blob-busy, blob-store-full, disk-full.
   */
  async openPartial(id: BlobId, digests?: Uint8Array): Promise<Result<PartialBlob>> {
    this.#assertOpen()
    try {
      const known = this.#entries.has(id) ? await this.digests(id) : null
      const list = known?.ok ? known.value : digests
      if (list === undefined || !areDigestsOf(id, list))
        return fail({
          code: 'blob-digests-wrong',
          field: `chunk digests of ${id}`,
          value: list === undefined ? 'none' : `${list.length} bytes`,
          limit: `${DIGEST * chunkCount(id)} bytes that hash to the id`,
          remedy: 'Ask another source for them.',
        })
      let entry = this.#entries.get(id)
      if (entry === undefined) {
        const begun = await this.#begin(id, list)
        if (!begun.ok) return begun
        entry = begun.value
      }
      if (entry.writer !== null) return fail(busyBlob(id))
      const room = await this.#diskHas(entry.missing * CHUNK)
      if (!room.ok) return room
      const partial = await PartialBlob.open(entry, list, () => {
        if (this.#entries.get(id) === entry) this.#touch(entry)
      })
      if (this.#entries.get(id) === entry && entry.writer === null) {
        entry.writer = partial
        return ok(partial)
      }
      await partial.close()
      return fail(busyBlob(id))
    } catch (error) {
      return diskFault(error, this.directory)
    }
  }

  /**
   * Keeps a blob from eviction, also one that is not here yet. Reasons are the caller's; a blob may have several. Throws
   * the faults pins-full, disk-full and disk-failed.
   */
  pin(id: BlobId, reason: string): void {
    this.#assertOpen()
    if (reason.length === 0 || reason.length > MAX_REASON)
      throw new RangeError(`A pin's reason has ${reason.length} characters; allowed: 1 to ${MAX_REASON}.`)
    if (this.#index.pins.get(id)?.has(reason)) return
    const most = this.options.maxPins ?? pinsFor(this.options.maxBytes)
    if (this.#index.pinCount >= most)
      throw new FaultError({
        code: 'pins-full',
        field: `pins in the blob store ${this.directory}`,
        value: this.#index.pinCount,
        limit: most,
        remedy: 'Unpin blobs of jobs that are over, or raise maxPins.',
      })
    this.#index.pin(id, reason)
  }

  unpin(id: BlobId, reason: string): void {
    this.#assertOpen()
    if (this.#index.pins.get(id)?.has(reason)) this.#index.unpin(id, reason)
  }

  /** Removes a blob; true if it was here. Faults: blob-pinned, blob-busy. */
  async delete(id: BlobId): Promise<Result<boolean>> {
    this.#assertOpen()
    const entry = this.#entries.get(id)
    if (entry === undefined) return ok(false)
    const pins = [...(this.#index.pins.get(id) ?? [])]
    if (pins.length > 0 || entry.writer !== null)
      return fail({
        code: pins.length > 0 ? 'blob-pinned' : 'blob-busy',
        field: id,
        value: pins.length > 0 ? pins.join(', ') : 'being fetched',
        limit: 'no pins and no transfer',
        remedy: pins.length > 0 ? 'Unpin it first.' : 'Stop the transfer first.',
      })
    try {
      await this.#remove(entry)
      return ok(true)
    } catch (error) {
      return diskFault(error, entry.directory)
    }
  }

  /** Ends the use of the store and frees its lock. Transfers must have ended. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#saveUsed()
    this.#closed = true
    this.#closeFiles(0)
    this.#index.close()
  }

  /** Reads what is on the disk, and mends it. Once, by `openBlobStore`. */
  async recover(): Promise<void> {
    const incoming = join(this.directory, 'incoming')
    await mkdir(incoming, { recursive: true })
    for (const name of await readdir(incoming))
      await rm(join(incoming, name), { recursive: true, force: true })
    const shortened: BlobId[] = []
    const discarded: string[] = []
    let torn = 0
    for (const name of await readdir(join(this.directory, 'blobs'))) {
      const directory = join(this.directory, 'blobs', name)
      const id = parseBlobId(name)
      const found = id.ok
        ? await recoverEntry(directory, id.value, this.#index.used.get(id.value) ?? 0)
        : null
      if (found === null) {
        discarded.push(name)
        await this.#discard(directory)
        continue
      }
      torn += found.torn
      if (found.shortened) shortened.push(found.entry.id)
      this.#entries.set(found.entry.id, found.entry)
      this.#bytes += footprint(found.entry.id)
      if (this.#index.lost) this.#index.pin(found.entry.id, 'recovered')
    }
    this.#repairs = { torn, shortened, discarded, pinsLost: this.#index.lost }
    // The cap may be lower than it was; what is pinned stays.
    await this.#reserve(0)
  }

  /** A directory that holds the whole blob takes its place among the others. */
  async #keep(id: BlobId, place: string): Promise<Result<void>> {
    const old = this.#entries.get(id)
    if (old !== undefined) {
      this.#touch(old)
      return old.held === null ? ok(undefined) : this.#fill(old, place)
    }
    const room = await this.#reserve(footprint(id))
    if (!room.ok) return room
    if (this.#entries.has(id)) {
      this.#bytes -= footprint(id)
      return this.#keep(id, place)
    }
    const entry = this.#newEntry(id, null, 0)
    this.#entries.set(id, entry)
    try {
      await rename(place, entry.directory)
      await syncDirectory(join(this.directory, 'blobs'))
      return ok(undefined)
    } catch (error) {
      this.#entries.delete(id)
      this.#bytes -= footprint(id)
      throw error
    }
  }

  /** Completes a blob that is here in part, beside the transfer into it if there is one. */
  async #fill(entry: Entry, place: string): Promise<Result<void>> {
    const digests = await readFile(join(place, 'digests'))
    const other = entry.writer
    const opened = other === null ? await this.openPartial(entry.id, digests) : ok(other)
    if (!opened.ok) return opened
    const file = await open(join(place, 'data'), 'r')
    try {
      for (let chunk = 0; chunk < chunkCount(entry.id); chunk++) {
        if (opened.value.has(chunk)) continue
        const written = await opened.value.write(
          chunk,
          await readAll(file, chunkLength(entry.id, chunk), chunk * CHUNK),
        )
        if (!written.ok) return written
      }
      return await opened.value.finish()
    } finally {
      await file.close()
      if (other === null) await opened.value.close()
    }
  }

  async #begin(id: BlobId, digests: Uint8Array): Promise<Result<Entry>> {
    const room = await this.#reserve(footprint(id))
    if (!room.ok) return room
    const entry = this.#newEntry(id, new Uint8Array(chunkCount(id)), chunkCount(id))
    let place: string | null = null
    try {
      const made = await this.#newIncoming()
      if (!made.ok) throw new FaultError(made.fault)
      place = made.value
      await writeSynced(join(place, 'data'), new Uint8Array(0))
      await writeSynced(join(place, 'digests'), digests)
      await writeSynced(join(place, 'have'), entry.held!)
      await syncDirectory(place)
      if (this.#entries.has(id)) throw new FaultError(busyBlob(id))
      await rename(place, entry.directory)
      this.#entries.set(id, entry)
      await syncDirectory(join(this.directory, 'blobs'))
      return ok(entry)
    } catch (error) {
      this.#bytes -= footprint(id)
      if (this.#entries.get(id) === entry) this.#entries.delete(id)
      if (place !== null) await this.#discard(place)
      return diskFault(error, this.directory)
    }
  }

  #newEntry(id: BlobId, held: Uint8Array | null, missing: number): Entry {
    const entry: Entry = {
      id,
      directory: join(this.directory, 'blobs', id),
      held,
      missing,
      used: 0,
      writer: null,
    }
    this.#touch(entry)
    return entry
  }

  /** Takes `bytes` of the cap, and makes room for them where that is possible. */
  async #reserve(bytes: number): Promise<Result<void>> {
    const over = this.#bytes + bytes - this.options.maxBytes
    if (over > 0) {
      const evicted: Entry[] = []
      let freed = 0
      const idle = [...this.#entries.values()].filter((e) => e.writer === null && !this.#index.pins.has(e.id))
      for (const entry of idle.sort((a, b) => a.used - b.used)) {
        if (freed >= over) break
        evicted.push(entry)
        freed += footprint(entry.id)
      }
      if (freed < over)
        return fail({
          code: 'blob-store-full',
          field: `blob store ${this.directory}`,
          value: `${this.#bytes} bytes held, ${freed} of them unpinned, ${bytes} more wanted`,
          limit: `${this.options.maxBytes} bytes`,
          remedy: 'Raise maxBytes, or unpin blobs that are no longer needed.',
        })
      this.#bytes += bytes
      for (const entry of evicted) await this.#remove(entry)
    } else this.#bytes += bytes
    const room = await this.#diskHas(bytes)
    if (!room.ok) this.#bytes -= bytes
    return room
  }

  async #diskHas(bytes: number): Promise<Result<void>> {
    const { bavail, bsize } = await statfs(this.directory)
    const floor = this.options.minFreeBytes ?? 2 ** 26
    if (bavail * bsize >= bytes + floor) return ok(undefined)
    return fail({
      code: 'disk-full',
      field: `free bytes on the disk of ${this.directory}`,
      value: bavail * bsize,
      limit: `at least ${bytes + floor}: ${bytes} for the blob, ${floor} left free`,
      remedy: 'Make room or give the store a larger disk, then try again: what was stored is kept.',
    })
  }

  async #remove(entry: Entry): Promise<void> {
    if (this.#entries.get(entry.id) !== entry) return
    this.#entries.delete(entry.id)
    this.#digests.delete(entry.id)
    const file = this.#files.get(entry.id)
    this.#files.delete(entry.id)
    await file?.then(
      (it) => it.close(),
      () => undefined,
    )
    this.#touched.delete(entry.id)
    this.#index.forgetUsed(entry.id)
    this.#bytes -= footprint(entry.id)
    await this.#discard(entry.directory)
  }

  /** Takes a directory out of sight by one rename before it is emptied. */
  async #discard(directory: string): Promise<void> {
    const away = join(this.directory, 'incoming', `${this.#incoming++}`)
    const moved = await rename(directory, away).then(
      () => true,
      () => false,
    )
    if (moved) await rm(away, { recursive: true, force: true })
  }

  async #newIncoming(): Promise<Result<string>> {
    const place = join(this.directory, 'incoming', `${this.#incoming++}`)
    try {
      await mkdir(place)
      return ok(place)
    } catch (error) {
      return diskFault(error, place)
    }
  }

  /** Fewer bytes where the disk does not give all of them. */
  async #runFromDisk(entry: Entry, first: number, end: number, into?: Uint8Array): Promise<Uint8Array> {
    const length = Math.min(end * CHUNK, blobLength(entry.id)) - first * CHUNK
    for (;;) {
      const file = this.#files.get(entry.id) ?? open(join(entry.directory, 'data'), 'r')
      this.#files.delete(entry.id)
      this.#files.set(entry.id, file)
      this.#closeFiles(OPEN_FILES)
      try {
        return await readAll(await file, length, first * CHUNK, into)
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        // It was closed between our finding it and our reading: there is another one by now, or none.
        if (code === 'EBADF' && this.#files.get(entry.id) !== file) continue
        if (this.#files.get(entry.id) === file) this.#files.delete(entry.id)
        file.then(
          (it) => it.close(),
          () => undefined,
        )
        if (code === 'ENOENT' || code === 'EIO') return new Uint8Array(0)
        throw error
      }
    }
  }

  /** Closes the files that were read the longest ago. One that is being read is closed when that has ended. */
  #closeFiles(keep: number): void {
    for (const [id, file] of this.#files) {
      if (this.#files.size <= keep) return
      this.#files.delete(id)
      file.then(
        (it) => it.close(),
        () => undefined,
      )
    }
  }

  async #digestsFromData(entry: Entry): Promise<Uint8Array | null> {
    const digests = new Uint8Array(DIGEST * chunkCount(entry.id))
    for (let chunk = 0; chunk < chunkCount(entry.id); chunk++) {
      const bytes = await this.#runFromDisk(entry, chunk, chunk + 1)
      digests.set(chunkDigest(bytes), DIGEST * chunk)
    }
    return areDigestsOf(entry.id, digests) ? digests : null
  }

  /** A chunk turned out damaged: the blob is partial from now on, also after a restart. */
  async #lose(entry: Entry, chunk: number): Promise<void> {
    if (entry.held === null) {
      entry.held = new Uint8Array(chunkCount(entry.id)).fill(HELD.synced)
      entry.held[chunk] = HELD.missing
      entry.missing = 1
      await replaceFile(join(entry.directory, 'have'), entry.held)
      return
    }
    if (entry.held[chunk] === HELD.missing) return
    entry.held[chunk] = HELD.missing
    entry.missing++
    // In place: a transfer may have the file open.
    const have = await open(join(entry.directory, 'have'), 'r+')
    try {
      await writeAll(have, entry.held.subarray(chunk, chunk + 1), chunk)
      await have.sync()
    } finally {
      await have.close()
    }
  }

  #cacheDigests(id: BlobId, digests: Uint8Array): void {
    this.#digests.set(id, digests)
    let total = 0
    for (const list of this.#digests.values()) total += list.length
    for (const [old, list] of this.#digests) {
      if (total <= DIGEST_CACHE || old === id) break
      this.#digests.delete(old)
      total -= list.length
    }
  }

  #touch(entry: Entry): void {
    entry.used = ++this.#sequence
    this.#touched.set(entry.id, entry.used)
    // A kill forgets some seconds of the order of use, which is only a preference.
    this.#flush ??= setTimeout(() => this.#saveUsed(), 5000).unref()
  }

  #saveUsed(): void {
    if (this.#flush !== null) clearTimeout(this.#flush)
    this.#flush = null
    if (this.#closed) return
    try {
      this.#index.saveUsed(this.#touched)
      this.#touched.clear()
    } catch (error) {
      // On a full disk the order of use is not kept.
      if (!(error instanceof FaultError)) throw error
    }
  }

  #statOf(entry: Entry): BlobStat {
    return {
      id: entry.id,
      length: blobLength(entry.id),
      chunks: chunkCount(entry.id),
      held: chunkCount(entry.id) - entry.missing,
      complete: entry.held === null,
      pins: [...(this.#index.pins.get(entry.id) ?? [])],
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error(`The blob store ${this.directory} is closed.`)
  }
}

const missingBlob = (id: BlobId): Fault => ({
  code: 'blob-missing',
  field: 'blob',
  value: id,
  limit: 'blobs that the store holds',
  remedy: 'Fetch it first.',
})

const busyBlob = (id: BlobId): Fault => ({
  code: 'blob-busy',
  field: id,
  value: 'being fetched',
  limit: 'one transfer into a blob at a time',
  remedy: 'Wait for the other transfer, or stop it.',
})

const missingChunk = (id: BlobId, chunk: number): Fault => ({
  code: 'chunk-missing',
  field: `chunk ${chunk} of ${id}`,
  value: 'not held',
  limit: 'chunks that the store holds',
  remedy: 'Fetch the blob first.',
})

const tooLong = (length: number): Result<never> =>
  fail({
    code: 'blob-too-long',
    field: 'length of the blob',
    value: `${length} or more`,
    limit: MAX_BLOB,
    remedy: 'Cut it into several blobs.',
  })

/** Zero where only the end of the stream will tell. */
const lengthOf = async (source: BlobSource): Promise<Result<number>> => {
  if (source instanceof Uint8Array) return ok(source.length)
  if (!('file' in source)) return ok(0)
  try {
    return ok((await stat(source.file)).size)
  } catch (error) {
    return diskFault(error, source.file)
  }
}

const piecesOf = (source: BlobSource): AsyncIterable<Uint8Array> | Iterable<Uint8Array> => {
  if (source instanceof Uint8Array) return runsOf(source)
  return 'file' in source ? createReadStream(source.file, { highWaterMark: CHUNK }) : source
}

function* runsOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += CHUNK) yield bytes.subarray(at, at + CHUNK)
}
