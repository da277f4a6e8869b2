import type { Environment } from './environment.ts'
import { TEXT_SYMBOLS, textOf, textSymbols } from './text.ts'

/** A command line that is being written, and the commands before it, newest last. */
export type ShellState = { readonly typed: string; readonly before: readonly string[] }

/** Something is typed, or the line is run with what `run` adds to it. */
export type ShellAction = { readonly typed: string } | { readonly run: string }

/** Ends a command. */
const END = '\n'

/**
 * A command line. The context is the commands before, a line each, and then what is typed. An offer ends with the command or
 * behind an argument. Taking one costs one key; nothing is ever run that the person has not sent off.
 */
export const shellEnvironment = ({
  most = 96,
}: {
  readonly most?: number
} = {}): Environment<ShellState, ShellAction> => ({
  name: 'shell',
  symbols: TEXT_SYMBOLS,
  bytes: true,
  context: ({ typed, before }, length) => {
    let text = typed
    for (const command of before.toReversed()) {
      if (text.length >= length) break
      text = command + END + text
    }
    const symbols = textSymbols(text.slice(-length))
    return symbols.subarray(Math.max(0, symbols.length - length))
  },
  symbolsOf: (action) => textSymbols('typed' in action ? action.typed : action.run + END),
  actionOf: (symbols) => {
    const text = textOf(symbols)
    if (text === undefined || text === '') return undefined
    const end = text.indexOf(END)
    if (end < 0) return { typed: text }
    return end === text.length - 1 ? { run: text.slice(0, -1) } : undefined
  },
  offers: {
    ends: (symbols, _, next) => {
      const text = textOf(symbols) ?? ''
      if (text.endsWith(END)) return true
      return /\S$/.test(text) && (next === 0x20 || next === 0x0a)
    },
    most,
  },
  saved: (symbols) => Math.max(0, [...(textOf(symbols) ?? '').replace(END, '')].length - 1),
})
