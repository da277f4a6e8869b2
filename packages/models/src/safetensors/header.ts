import { ModelError } from '../model-error.ts'

/** One tensor's line in a header, as written: nothing is checked yet but its syntax. */
export type HeaderEntry = {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly offsets: readonly number[]
}
export type Header = {
  readonly metadata: ReadonlyMap<string, string>
  readonly entries: readonly HeaderEntry[]
}

const METADATA = '__metadata__'

/**
 * Reads a header's JSON by its schema. `JSON.parse` would do for the syntax, but it keeps the last of two equal
 * keys in silence and nests as deep as a stranger likes; here every level is known and a name occurs once.
 */
export const parseHeader = (text: string): Header => {
  const cursor = new Cursor(text)
  const entries: HeaderEntry[] = []
  const seen = new Set<string>()
  let metadata: ReadonlyMap<string, string> = new Map()
  cursor.object((name) => {
    if (seen.has(name)) throw malformed('name', name, 'each name once', 'Rename one of the tensors.')
    seen.add(name)
    if (name === METADATA) metadata = strings(cursor)
    else entries.push(entry(cursor, name))
  })
  cursor.end()
  return { metadata, entries }
}

/** The JSON of a header, keys in the order given: metadata first. */
export const writeHeader = (header: Header): string => {
  const fields = header.entries.map(
    (e) =>
      `${JSON.stringify(e.name)}:{"dtype":"${e.dtype}","shape":[${e.shape}],"data_offsets":[${e.offsets}]}`,
  )
  if (header.metadata.size > 0) {
    const pairs = [...header.metadata].map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`)
    fields.unshift(`"${METADATA}":{${pairs}}`)
  }
  return `{${fields}}`
}

const strings = (cursor: Cursor): ReadonlyMap<string, string> => {
  const map = new Map<string, string>()
  cursor.object((key) => {
    if (map.has(key)) throw malformed('metadata', key, 'each key once', 'Remove one of the two.')
    map.set(key, cursor.string())
  })
  return map
}

const entry = (cursor: Cursor, name: string): HeaderEntry => {
  let dtype: string | undefined
  let shape: readonly number[] | undefined
  let offsets: readonly number[] | undefined
  cursor.object((key) => {
    if (key === 'dtype' && dtype === undefined) dtype = cursor.string()
    else if (key === 'shape' && shape === undefined) shape = cursor.integers()
    else if (key === 'data_offsets' && offsets === undefined) offsets = cursor.integers()
    else
      throw malformed(`${name}.key`, key, 'dtype, shape and data_offsets, each once', 'Write the file anew.')
  })
  if (dtype === undefined || shape === undefined || offsets === undefined) {
    throw malformed(name, 'incomplete', 'dtype, shape and data_offsets', 'Write the file anew.')
  }
  return { name, dtype, shape, offsets }
}

const malformed = (field: string, value: unknown, limit: string, remedy: string): ModelError =>
  new ModelError('safetensors-malformed', field, value, limit, remedy)

const SPACE = /[ \t\n\r]*/y
const INTEGER = /(?:0|[1-9][0-9]{0,15})(?![0-9.eE])/y

/** A place in the header's text. Each method consumes what it names or throws. */
class Cursor {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** `{ "key": ... }`: `each` consumes the value of the key it is given. */
  object(each: (key: string) => void): void {
    this.#list('{', '}', () => {
      const key = this.string()
      this.#expect(':')
      each(key)
    })
  }

  /** A list of non-negative integers that a double holds exactly. */
  integers(): readonly number[] {
    const list: number[] = []
    this.#list('[', ']', () => {
      const value = Number(this.#take(INTEGER, 'a non-negative integer'))
      if (!Number.isSafeInteger(value))
        throw malformed('integer', value, 'below 2^53', 'Write the file anew.')
      list.push(value)
    })
    return list
  }

  string(): string {
    if (this.#peek() !== '"') throw this.#unexpected('a string')
    const from = this.#at
    // A loop, for a pattern that backtracks runs out of stack on a string of a hundred megabytes.
    for (this.#at++; this.#at < this.#text.length && this.#text[this.#at] !== '"'; this.#at++) {
      if (this.#text[this.#at] === '\\') this.#at++
    }
    const token = this.#text.slice(from, ++this.#at)
    try {
      const value: string = JSON.parse(token)
      if (value.isWellFormed()) return value
    } catch {
      // no end, a control character, a bad escape: the same fault as a lone surrogate
    }
    throw malformed('string', token, 'a JSON string of whole characters', 'Write the file anew.')
  }

  end(): void {
    this.#take(SPACE, 'space')
    if (this.#at < this.#text.length) throw this.#unexpected('nothing but padding after the header')
  }

  #list(open: string, close: string, each: () => void): void {
    this.#expect(open)
    if (this.#peek() === close) {
      this.#at++
      return
    }
    for (;;) {
      each()
      const next = this.#peek()
      if (next !== ',') break
      this.#at++
    }
    this.#expect(close)
  }

  #peek(): string | undefined {
    this.#take(SPACE, 'space')
    return this.#text[this.#at]
  }

  #expect(character: string): void {
    if (this.#peek() !== character) throw this.#unexpected(`'${character}'`)
    this.#at++
  }

  #take(pattern: RegExp, what: string): string {
    if (pattern !== SPACE) this.#take(SPACE, 'space')
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (!match) throw this.#unexpected(what)
    this.#at = pattern.lastIndex
    return match[0]
  }

  #unexpected(wanted: string): ModelError {
    const found = this.#text.slice(this.#at, this.#at + 20)
    return malformed(
      `header[${this.#at}]`,
      found,
      wanted,
      'The header is no safetensors JSON: write the file anew.',
    )
  }
}
