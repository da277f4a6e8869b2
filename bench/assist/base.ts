import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readTextBase, type TextBase } from '@lockstep/assist'

const FILE = join(import.meta.dirname, '..', '..', 'data', 'assist-base-text.safetensors')
let read: TextBase | undefined

/** The base for text as it is shipped. */
export const baseOf = (): TextBase => {
  read ??= readTextBase(readFileSync(FILE))
  return read
}

/** What the base was trained on, as it says itself: `package:NAME@VERSION`, `address:YEAR`, `moby-dick:FROM-TO`. */
export const trainedOn = (): readonly string[] => baseOf().sources
