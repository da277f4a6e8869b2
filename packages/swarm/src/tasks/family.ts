import { sha256 } from '@lockstep/proof'
import { Builder, LAYOUT } from '../machine/builder.ts'
import type { Code } from '../machine/code.ts'
import { type Interpreter, interpreter, type Standing } from '../machine/interpret.ts'
import { encodeRequest, MAX_LEVEL, MAX_TEXT } from '../machine/request.ts'

/** What a task asks, and one right answer. Both are printable ASCII of at most MAX_TEXT characters. */
export type Played = { readonly prompt: string; readonly solution: string }
/** The same with what an answer is worth: an integer from 0 to 100. */
export type Scored = Played & { readonly score: number }

/**
 * Tasks of one kind. A task is a family at a seed (an integer from 0 to 2^53 - 1) and a level; the same three numbers
 * are the same task everywhere.
 */
export type Family = {
  readonly name: string
  /** What is asked, in one sentence. */
  readonly about: string
  /** Levels are 0 to below this, easy ones first. */
  readonly levels: number
  /** The word machine's program of it. */
  readonly code: Code
  /** What is asked at a seed and a level, and a right answer. */
  play(seed: number, level: number): Played
  /** The same, and the score of an answer. An answer of more than MAX_TEXT bytes of UTF-8 has score 0. */
  run(seed: number, level: number, answer: string): Scored
  /** Word-machine steps of a run: what it costs. */
  steps(seed: number, level: number, answer: string): number
}

export type FamilyDefinition = {
  readonly name: string
  readonly about: string
  readonly levels: number
  /** Called once, when the family is first used: draws the task, writes prompt and solution, and scores the answer. */
  readonly write: (m: Builder) => void
}

export const family = ({ name, about, levels, write }: FamilyDefinition): Family => {
  if (!(Number.isInteger(levels) && levels >= 1 && levels <= MAX_LEVEL))
    throw new Error(`${name} has ${levels} levels; a family has 1 to ${MAX_LEVEL}`)
  let code: Code | undefined
  const codeNow = (): Code => {
    code ??= Builder.code({ salt: saltOf(name), levels }, write)
    return code
  }
  let machine: Interpreter | undefined
  const request = encodeRequest(0, 0, NOTHING)

  const stand = (seed: number, level: number, answer: Uint8Array): Standing => {
    if (!(level >= 0 && level < levels))
      throw new Error(`${name} has no level ${level}; its levels are 0 to ${levels - 1}`)
    machine ??= interpreter(codeNow())
    return machine.run(encodeRequest(seed, level, answer, request))
  }
  const textsOf = ({ memory }: Standing, seed: number, level: number): Played => {
    const text = (what: 'prompt' | 'solution'): string => {
      const length = memory[LAYOUT[`${what}Length`]]!
      if (length >= 1 && length <= MAX_TEXT)
        return String.fromCharCode(...memory.subarray(LAYOUT[what], LAYOUT[what] + length))
      throw new Error(
        `${name} writes a ${what} of ${length} characters at seed ${seed}, level ${level}: 1 to ${MAX_TEXT} are allowed`,
      )
    }
    return { prompt: text('prompt'), solution: text('solution') }
  }

  return {
    name,
    about,
    levels,
    get code() {
      return codeNow()
    },
    play(seed, level) {
      const standing = stand(seed, level, NOTHING)
      if (!standing.halted) throw new Error(`${name} does not end at seed ${seed}, level ${level}`)
      return textsOf(standing, seed, level)
    },
    run(seed, level, answer) {
      const bytes = answerBytes(answer)
      const standing = stand(seed, level, bytes ?? NOTHING)
      return { ...textsOf(standing, seed, level), score: bytes ? standing.score : 0 }
    },
    steps: (seed, level, answer) => stand(seed, level, answerBytes(answer) ?? NOTHING).steps,
  }
}

const NOTHING = new Uint8Array(0)
const encoder = new TextEncoder()

/** What a run is asked about for this answer; undefined where it is too long to be asked about. */
export const answerBytes = (answer: string): Uint8Array | undefined => {
  if (answer.length > MAX_TEXT) return undefined
  const bytes = encoder.encode(answer)
  return bytes.length > MAX_TEXT ? undefined : bytes
}

/** Four bytes of a hash of a family's name, so that two families draw differently from one seed. */
const saltOf = (name: string): number => {
  const digest = sha256(encoder.encode(`lockstep family ${name}`))
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0, true)
}
