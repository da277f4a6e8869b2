import { completions, type Shown } from '@lockstep/assist/shell'
import type { ShellStore } from './store.ts'

/** Offers that a key goes through before it begins anew. */
const MOST_OFFERS = 9
const MOST_REQUEST = 65_536

/**
 * What a shell's resident process does. A request is four fields, each of which ends with a zero byte:
 *
 *   suggest, id, turn, what is typed      answered by id, a tab and the line, and a zero byte; no line where there is none
 *   ran, line that was offered or nothing, what was typed then, command      not answered
 *
 * `answer` gets text as it comes, in any parts. A stranger's text on the pipe, or too long a field, is thrown away.
 */
export const shellServer = (
  store: ShellStore,
  session: string,
  now: () => number,
  write: (text: string) => void,
): ((part: string) => void) => {
  let text = ''
  const answer = ([verb, a, b, c]: readonly [string, string, string, string]): void => {
    if (verb === 'suggest') {
      const found = completions(store.commands(), c, MOST_OFFERS)
      const turn = /^\d{1,6}$/.test(b) ? Number(b) : 0
      write(`${a}\t${found.length === 0 ? '' : found[turn % found.length]}\0`)
    }
    if (verb === 'ran' && c.trim() !== '') {
      const shown: Shown | undefined =
        a !== '' && a.startsWith(b) && a !== b ? { line: a, typed: b } : undefined
      store.ran(session, c, now(), shown)
    }
  }
  return (part) => {
    text += part
    for (let fields = text.split('\0'); fields.length > 4; fields = text.split('\0')) {
      text = fields.slice(4).join('\0')
      answer(fields.slice(0, 4) as [string, string, string, string])
    }
    if (text.length > MOST_REQUEST) text = ''
  }
}
