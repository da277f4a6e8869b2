/** A word in every way in which text is likely to travel. */
const formsOf = (word: string): Buffer[] => {
  const bytes = Buffer.from(word)
  const base64 = [0, 1, 2].map((before) => {
    // Whichever place of three it begins at, this much of it is the same.
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6))
  })
  return [
    ...[bytes, Buffer.from(word, 'utf16le'), Buffer.from(bytes.toString('hex'))],
    ...base64.map((text) => Buffer.from(text)),
    Buffer.from([...bytes].join(',')), // symbols of an episode
    Buffer.from(Uint32Array.from(bytes).buffer), // symbols of a tensor
  ]
}
/** Whether bytes hold a word in one of these forms. */
export const holds = (where: Uint8Array, word: string): boolean =>
  formsOf(word).some((form) => Buffer.from(where).includes(form))
