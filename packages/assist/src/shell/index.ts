/** A shell's assistant: what was run, as episodes, and how a line may go on. See docs/assist-shell.md. */
export { type ShellAction, type ShellState, shellEnvironment } from '../environment/shell.ts'
export { decodeEpisode, type Episode, encodeEpisode } from '../episode/episode.ts'
export { commandsOf, completions, MOST_COMMANDS } from './commands.ts'
export { emptySession, SESSION_EVENTS, type Shown, sessionOf, withCommand } from './session.ts'
