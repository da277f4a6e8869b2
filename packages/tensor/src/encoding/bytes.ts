import { FaultError } from '../fault.ts'

/** Appends big-endian integers and bytes. */
export class ByteWriter {
  #bytes = new Uint8Array(256)
  #length = 0

  u8(value: number): this {
    this.#room(1)[0] = value
    return this
  }
  u16(value: number): this {
    this.#view(2).setUint16(0, value)
    return this
  }
  u32(value: number): this {
    this.#view(4).setUint32(0, value)
    return this
  }
  i32(value: number): this {
    this.#view(4).setInt32(0, value)
    return this
  }
  bytes(value: Uint8Array): this {
    this.#room(value.length).set(value)
    return this
  }
  done(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length)
  }

  #room(count: number): Uint8Array {
    if (this.#length + count > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count))
      grown.set(this.#bytes)
      this.#bytes = grown
    }
    const room = this.#bytes.subarray(this.#length, this.#length + count)
    this.#length += count
    return room
  }
  #view(count: number): DataView {
    const room = this.#room(count)
    return new DataView(room.buffer, room.byteOffset, count)
  }
}

/** Takes big-endian integers and bytes from untrusted input; running past the end is a fault. */
export class ByteReader {
  readonly #view: DataView
  readonly #what: string
  #at = 0

  constructor(bytes: Uint8Array, what: string) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#what = what
  }

  get left(): number {
    return this.#view.byteLength - this.#at
  }
  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }
  u16(): number {
    return this.#view.getUint16(this.#take(2))
  }
  u32(): number {
    return this.#view.getUint32(this.#take(4))
  }
  i32(): number {
    return this.#view.getInt32(this.#take(4))
  }
  bytes(count: number): Uint8Array<ArrayBuffer> {
    const at = this.#take(count)
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + at, count).slice()
  }
  list<T>(count: number, item: () => T): T[] {
    return Array.from({ length: count }, item)
  }
  /** Every encoding is read to its last byte. */
  end(): void {
    if (this.left > 0) this.malformed('length', `${this.left} bytes too many`, 'no trailing bytes')
  }
  malformed(field: string, value: string | number, limit: string | number): never {
    throw new FaultError({
      code: 'encoding-malformed',
      field: `${this.#what}.${field}`,
      value,
      limit,
      remedy: 'The bytes are damaged or were written by another version; encode the program again.',
    })
  }

  #take(count: number): number {
    const at = this.#at
    if (count > this.left)
      this.malformed('length', `${this.#view.byteLength} bytes`, `at least ${at + count}`)
    this.#at += count
    return at
  }
}
