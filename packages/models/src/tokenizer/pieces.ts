/** Bytes a piece may have: it bounds the work of encoding a text without spaces. */
export const MAX_PIECE = 64

const SPACE = 0x20

/** 0 letters and bytes above ASCII, 1 digits, 2 line breaks, tabs and spaces, 3 everything else. */
const classOf = (byte: number): number => {
  if (byte >= 0x80 || (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a)) return 0
  if (byte >= 0x30 && byte <= 0x39) return 1
  return byte === SPACE || (byte >= 9 && byte <= 13) ? 2 : 3
}

/**
 * Cuts bytes into the pieces that merges never cross: runs of one class, at most 64 bytes, where a single space
 * joins the run after it. Yields [from, to) pairs that cover the bytes in order.
 */
export function* pieces(bytes: Uint8Array<ArrayBufferLike>): Generator<readonly [number, number]> {
  let from = 0
  while (from < bytes.length) {
    let to = from + 1
    let kind = classOf(bytes[from]!)
    const next = bytes[to]
    if (bytes[from] === SPACE && next !== undefined && classOf(next) !== 2) {
      kind = classOf(next)
      to++
    }
    while (to < bytes.length && to - from < MAX_PIECE && classOf(bytes[to]!) === kind) {
      // The last space of a run belongs to the word after it.
      const after = bytes[to + 1]
      if (kind === 2 && bytes[to] === SPACE && after !== undefined && classOf(after) !== 2) break
      to++
    }
    yield [from, to]
    from = to
  }
}
