import { ModelError } from '../model-error.ts'
import { bpeTokenizer, MAX_VOCAB, type Merge } from './bpe.ts'
import { byteTokenizer } from './byte-tokenizer.ts'
import type { Tokenizer } from './tokenizer.ts'

/** Characters that a tokenizer's JSON may have: every merge of the largest vocabulary with room to spare. */
export const MAX_TOKENIZER_CHARACTERS = 16 * MAX_VOCAB

const MERGE = /\[(0|[1-9][0-9]{0,4}),(0|[1-9][0-9]{0,4})\]/y
const HEAD = '{"kind":"bpe","version":1,"merges":['
const TAIL = ']}'

/** Reads what `save` wrote. Only the canonical form is accepted, so that one tokenizer has one file. */
export const loadTokenizer = (json: string): Tokenizer => {
  if (json.length > MAX_TOKENIZER_CHARACTERS) {
    throw malformed('length', json.length, `at most ${MAX_TOKENIZER_CHARACTERS}`)
  }
  if (json === byteTokenizer.save()) return byteTokenizer
  if (!json.startsWith(HEAD) || !json.endsWith(TAIL)) {
    throw malformed('tokenizer', json, 'the JSON that save() of a byte or bpe tokenizer gives')
  }
  const merges: Merge[] = []
  const end = json.length - TAIL.length
  let at = HEAD.length
  while (at < end) {
    if (merges.length > 0 && json[at++] !== ',')
      throw malformed(`merges[${merges.length}]`, json.slice(at), ',')
    MERGE.lastIndex = at
    const match = MERGE.exec(json)
    if (!match) throw malformed(`merges[${merges.length}]`, json.slice(at, at + 20), 'a pair of ids')
    at = MERGE.lastIndex
    merges.push([Number(match[1]), Number(match[2])])
  }
  if (at !== end) throw malformed('end', json.slice(end), 'nothing after the merges')
  return bpeTokenizer(merges)
}

const malformed = (field: string, value: unknown, limit: string): ModelError =>
  new ModelError('tokenizer-malformed', field, value, limit, 'Save the tokenizer anew.')
