/** Which chunks of a blob someone holds: one bit each, the lowest bit of a byte first. */
export class ChunkSet {
  readonly chunks: number
  readonly bits: Uint8Array
  #size = 0

  constructor(chunks: number) {
    this.chunks = chunks
    this.bits = new Uint8Array(Math.ceil(chunks / 8))
  }

  /** From bytes that came from outside; null where they are not as many as they should be, or set bits past the end. */
  static fromBits(chunks: number, bits: Uint8Array): ChunkSet | null {
    const set = new ChunkSet(chunks)
    if (bits.length !== set.bits.length) return null
    const past = chunks % 8 === 0 ? 0 : 0xff << (chunks % 8)
    if (bits.length > 0 && (bits[bits.length - 1]! & past) !== 0) return null
    for (let i = 0; i < chunks; i++) if ((bits[i >> 3]! >> (i & 7)) & 1) set.add(i)
    return set
  }

  static full(chunks: number): ChunkSet {
    const set = new ChunkSet(chunks)
    for (let i = 0; i < chunks; i++) set.add(i)
    return set
  }

  get size(): number {
    return this.#size
  }

  has(chunk: number): boolean {
    return ((this.bits[chunk >> 3]! >> (chunk & 7)) & 1) === 1
  }

  add(chunk: number): void {
    if (this.has(chunk)) return
    this.bits[chunk >> 3]! |= 1 << (chunk & 7)
    this.#size++
  }

  delete(chunk: number): void {
    if (!this.has(chunk)) return
    this.bits[chunk >> 3]! &= ~(1 << (chunk & 7))
    this.#size--
  }
}
