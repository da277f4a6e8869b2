/** Rounds of assistants, kept by a node: the keeper over HTTP, and the loop that opens and ends rounds. */
export { type KeepRoundsOptions, keepRounds } from './keep-rounds.ts'
export { createRoundsListener, type RoundsListener, type RoundsListenerOptions } from './rounds-listener.ts'
export { type ServeRoundsOptions, serveRounds } from './serve-rounds.ts'
export { openTextRounds, TEXT_ROUNDS, type TextRounds, type TextRoundsOptions } from './text-rounds.ts'
