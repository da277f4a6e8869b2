import { REDACTED, textOf } from '../environment/text.ts'
import type { Episode } from '../episode/episode.ts'
import { passagesOf } from '../episode/passages.ts'

/** Commands that are remembered at once: the newest. */
export const MOST_COMMANDS = 8192

/** The commands of a shell's episodes, oldest first. What was redacted in any way is left out: it cannot be run as it stands. */
export const commandsOf = (episode: Pick<Episode, 'began' | 'events'>): string[] =>
  passagesOf(episode).flatMap(({ symbols }) => {
    const lines: string[] = []
    let from = 0
    for (let at = symbols.indexOf(10); at >= 0; at = symbols.indexOf(10, from)) {
      const line = symbols.subarray(from, at)
      from = at + 1
      const text = line.includes(REDACTED) ? undefined : textOf(line)
      if (text !== undefined && text.trim() !== '') lines.push(text)
    }
    return lines
  })

/**
 * How a line that is being written may go on, likeliest first: whole commands that begin so, then arguments that were given
 * to the same command before. Each earlier use counts 64, half as much for every 64 commands since; four times as much where
 * the command before it was the one that is before now. All of it in integers; of equals the later one comes first.
 * @param commands Oldest first; the last is the one before the line
 */
export const completions = (commands: readonly string[], typed: string, most: number): string[] => {
  const known = commands.slice(-MOST_COMMANDS)
  const last = known.at(-1)
  const whole = new Map<string, number>()
  for (const [i, command] of known.entries()) {
    if (!command.startsWith(typed) || command === typed) continue
    add(whole, command, weight(known.length - 1 - i) * (i > 0 && known[i - 1] === last ? 4 : 1))
  }
  const found = ranked(whole)
  if (found.length < most)
    for (const line of argumentsFor(known, typed)) if (!whole.has(line)) found.push(line)
  return found.slice(0, most)
}

/** The line with its last word completed to one that followed the same command before. */
const argumentsFor = (known: readonly string[], typed: string): string[] => {
  const parts = /^(\s*(\S+)\s(?:.*\s)?)(\S*)$/s.exec(typed)
  if (!parts) return []
  const [, before, name, part] = parts as unknown as [string, string, string, string]
  const given = new Set(before.split(/\s+/))
  const words = new Map<string, number>()
  for (const [i, command] of known.entries()) {
    const [first, ...rest] = command.trim().split(/\s+/)
    if (first !== name) continue
    for (const word of rest)
      if (word.startsWith(part) && word !== part && !given.has(word))
        add(words, word, weight(known.length - 1 - i))
  }
  return ranked(words).map((word) => before + word)
}

const weight = (since: number): number => 64 >> Math.min(6, Math.floor(since / 64))

/** Keys keep the order of their last rise. */
const add = (scores: Map<string, number>, key: string, by: number): void => {
  const score = (scores.get(key) ?? 0) + by
  scores.delete(key)
  scores.set(key, score)
}

const ranked = (scores: ReadonlyMap<string, number>): string[] =>
  [...scores.entries()]
    .reverse()
    .sort(([, a], [, b]) => b - a)
    .map(([key]) => key)
