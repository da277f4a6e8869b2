import type { Passage } from '../assistant/suggester.ts'
import { gridSymbols } from '../environment/grid.ts'

/** A game as far as it was played, in symbols from its beginning. */
export type PlayedGame = { readonly symbols: Uint16Array; readonly passages: number }

/** Joins passages, oldest first, to the games that they are parts of: a passage goes on with what it says came before. */
export const gamesOf = (passages: readonly Passage[]): PlayedGame[] => {
  const { begin } = gridSymbols()
  const games: { symbols: number[]; passages: number }[] = []
  for (const { context, symbols } of passages) {
    const last = games.at(-1)
    const goesOn =
      last !== undefined &&
      context.length > 1 &&
      context.length === last.symbols.length &&
      context.every((symbol, i) => symbol === last.symbols[i])
    if (goesOn) {
      last.symbols.push(...symbols)
      last.passages++
    } else if (context[0] === begin) games.push({ symbols: [...context, ...symbols], passages: 1 })
  }
  return games.map(({ symbols, passages }) => ({ symbols: Uint16Array.from(symbols), passages }))
}
