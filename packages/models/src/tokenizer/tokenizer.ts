/** Bytes to token ids and back. Every sequence of bytes can be encoded and comes back as it was. */
export type Tokenizer = {
  /** How many ids there are: 0 to vocabSize - 1. */
  readonly vocabSize: number
  encode(bytes: Uint8Array<ArrayBufferLike>): Uint32Array<ArrayBuffer>
  /** Throws ModelError for an id that is not below vocabSize. */
  decode(ids: ArrayLike<number>): Uint8Array<ArrayBuffer>
  /** The tokenizer as canonical JSON, for loadTokenizer. */
  save(): string
}
